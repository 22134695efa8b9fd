/** `npm run fuzz`: hostile input for every decoder of the product. docs/fuzzing.md says how to use it and what it showed. */
import { parseArgs } from 'node:util';
import { branchReport } from './coverage/branch-report.ts';
import { fuzz } from './run/fuzz.ts';
import { growCorpus } from './run/grow-corpus.ts';
import { replay } from './run/replay.ts';
import { isTargetName, TARGET_NAMES } from './targets/index.ts';

const USAGE = `Usage: npm run fuzz -- [--seconds N | --executions N] [--target NAME]… [--seed S] [--no-seeded] [--json]
       npm run fuzz -- --replay FILE
       npm run fuzz -- --coverage [--executions N] [--target NAME]…
       npm run fuzz -- --grow [--seconds N] [--target NAME]…

  --seconds N     how long in all (default 60); seeded defects first, then the targets share what is left
  --executions N  as many for each target, however long that takes: the same every time with the same seed
  --target NAME   only these: ${TARGET_NAMES.join(', ')}
  --seed S        a whole number (default: another one each time; it is printed)
  --no-seeded     without the seeded defects
  --workers N     threads at a time (default: one a processor)
  --json          end with {"executions":…,"findings":…,"seeded":…,"seededFound":…}
  --replay FILE   runs the input of a finding again
  --coverage      branches of each decoder that the corpus and N more executions take (default 100000)
  --grow          writes fuzz/corpus anew, with what was found to reach more

It ends with 1 when there is a finding, or a seeded defect that was not found.
`;
const EXIT_USAGE = 2;
const DEFAULT_SECONDS = 60;
const DEFAULT_COVERAGE_EXECUTIONS = 100_000;

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`'${text}' is no whole number.`);
  return value;
}

function options() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string' },
      executions: { type: 'string' },
      target: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string' },
      seeded: { type: 'boolean', default: true },
      workers: { type: 'string' },
      json: { type: 'boolean', default: false },
      replay: { type: 'string' },
      coverage: { type: 'boolean', default: false },
      grow: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    allowNegative: true,
  });
  const unknown = values.target.find((name) => !isTargetName(name));
  if (unknown !== undefined) throw new TypeError(`There is no target '${unknown}'.`);
  const targets = values.target.filter(isTargetName);
  return {
    ...values,
    targets: targets.length > 0 ? targets : TARGET_NAMES,
    seconds: wholeNumber(values.seconds) ?? DEFAULT_SECONDS,
    executions: wholeNumber(values.executions),
    seed: wholeNumber(values.seed) ?? Math.floor(Math.random() * 2 ** 32),
    workers: wholeNumber(values.workers),
  };
}

function chosen(): ReturnType<typeof options> | undefined {
  try {
    const given = options();
    return given.help ? undefined : given;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`${error.message}\n\n`);
    return undefined;
  }
}

const given = chosen();
if (given === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = EXIT_USAGE;
} else if (given.replay !== undefined) {
  process.exitCode = await replay(given.replay);
} else if (given.coverage) {
  process.exitCode = await branchReport(
    given.targets,
    given.executions ?? DEFAULT_COVERAGE_EXECUTIONS,
    given.seed,
    given.workers,
  );
} else if (given.grow) {
  await growCorpus(given.targets, given.seconds, given.seed, given.workers);
} else {
  process.exitCode = await fuzz(given);
}
