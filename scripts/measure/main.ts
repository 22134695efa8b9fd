/** `npm run measure`: how much of the protocol parts their own tests reach, and how many mistakes on purpose they find. docs/testing.md says more. */
import { availableParallelism } from 'node:os';
import { normalize } from 'node:path';
import { parseArgs } from 'node:util';
import { coverageOf } from './coverage/lines-and-branches.ts';
import { mutationScoreOf } from './mutation/mutation-score.ts';
import { isPart, PARTS, productFiles } from './parts.ts';
import { type Figures, isReached, jsonLine, report } from './report.ts';

const USAGE = `Usage: npm run measure -- [--part NAME]… [--file PATH]… [--coverage-only | --mutation-only] [--missed] [--workers N] [--json]

  --part NAME      only these: ${PARTS.join(', ')}
  --file PATH      only these files of them, or what is in these folders, with all tests of their part
  --coverage-only  lines and branches, in seconds; no mutants
  --mutation-only  mutants; no coverage
  --missed         each line and branch that no test takes, and each mutant that none finds
  --workers N      processes at a time that try mutants (default: one a processor)
  --json           end with one line of JSON

It ends with 1 when a figure is under its aim.
`;
const EXIT_USAGE = 2;

const isIn = (file: string, path: string): boolean => file === path || file.startsWith(`${path.replace(/\/$/, '')}/`);

function options() {
  const { values } = parseArgs({
    options: {
      part: { type: 'string', multiple: true, default: [] },
      file: { type: 'string', multiple: true, default: [] },
      'coverage-only': { type: 'boolean', default: false },
      'mutation-only': { type: 'boolean', default: false },
      missed: { type: 'boolean', default: false },
      workers: { type: 'string', default: String(availableParallelism()) },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = values.part.find((name) => !isPart(name));
  if (unknown !== undefined) throw new TypeError(`There is no part '${unknown}' that is measured.`);
  const known = PARTS.flatMap(productFiles);
  const paths = values.file.map(normalize);
  const strange = paths.find((path) => !known.some((file) => isIn(file, path)));
  if (strange !== undefined) throw new TypeError(`'${strange}' has no product file of ${PARTS.join(', ')}.`);
  const workers = Number(values.workers);
  if (!Number.isSafeInteger(workers) || workers < 1)
    throw new TypeError(`'${values.workers}' is no number of workers.`);
  const named = values.part.filter(isPart);
  return { ...values, paths, workers, parts: named.length > 0 ? named : PARTS };
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

async function measure(given: ReturnType<typeof options>): Promise<readonly Figures[]> {
  const figures: Figures[] = [];
  for (const part of given.parts) {
    const files = productFiles(part).filter(
      (file) => given.paths.length === 0 || given.paths.some((path) => isIn(file, path)),
    );
    if (files.length === 0) continue;
    figures.push({
      part,
      ...(given['mutation-only'] ? {} : { coverage: coverageOf(part, files) }),
      ...(given['coverage-only'] ? {} : { mutation: await mutationScoreOf(part, files, given.workers) }),
    });
  }
  return figures;
}

const given = chosen();
if (given === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = EXIT_USAGE;
} else {
  const figures = await measure(given);
  console.log(report(figures, given.missed));
  if (given.json) console.log(jsonLine(figures));
  process.exitCode = isReached(figures) ? 0 : 1;
}
