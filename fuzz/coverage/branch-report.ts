import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ScriptCoverage } from '../engine/code-coverage.ts';
import { readCorpus } from '../run/corpus-files.ts';
import type { Job } from '../run/job.ts';
import { superviseAll } from '../run/supervise.ts';
import type { TargetName } from '../targets/index.ts';
import { type Branch, branchesOf } from './branches.ts';
import { DECODERS, LEFT_OUT } from './decoders.ts';
import { takenOf } from './taken.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
/** Of the branches of every decoder. */
const LEAST_SHARE = 0.9;
const SHOWN_CHARACTERS = 90;

interface FileBranches {
  readonly file: string;
  readonly source: string;
  readonly branches: readonly Branch[];
  readonly taken: Set<Branch>;
}

/** Prints which branches of the decoders the corpus and some more executions take. Gives the exit code. */
export async function branchReport(
  targets: readonly TargetName[],
  executions: number,
  seed: number,
  workers: number | undefined,
): Promise<number> {
  const files = Object.entries(DECODERS)
    .filter(([, drivenBy]) => drivenBy.some((name) => targets.includes(name)))
    .map(([file]): FileBranches => {
      const source = readFileSync(join(REPOSITORY, file), 'utf8');
      return { file, source, branches: branchesOf(source, LEFT_OUT[file]?.names), taken: new Set() };
    });
  const jobs = targets.map(
    (target): Job => ({ target, seed, corpus: readCorpus(target), executions, gives: 'coverage' }),
  );
  await superviseAll(jobs, workers ?? availableParallelism(), ({ target }, { coverage, findings }) => {
    for (const { message } of findings) console.log(`finding in ${target}: ${message}`);
    for (const file of files) markTaken(file, coverage);
  });
  let worst = 1;
  let all = 0;
  let allTaken = 0;
  for (const { file, source, branches, taken } of files) {
    const share = branches.length === 0 ? 1 : taken.size / branches.length;
    worst = Math.min(worst, share);
    all += branches.length;
    allTaken += taken.size;
    console.log(`${percent(share)}  ${taken.size}/${branches.length}  ${file}`);
    for (const branch of branches) if (!taken.has(branch)) console.log(`        ${placeOf(source, branch)}`);
  }
  console.log(
    `${percent(allTaken / all)}  ${allTaken}/${all}  all decoders; the least of one is ${percent(worst).trim()}`,
  );
  return worst >= LEAST_SHARE ? 0 : 1;
}

function markTaken({ file, branches, taken }: FileBranches, coverage: readonly ScriptCoverage[]): void {
  const url = pathToFileURL(join(REPOSITORY, file)).href;
  const script = coverage.find((each) => each.url === url);
  if (script === undefined) return;
  for (const branch of takenOf(branches, script)) taken.add(branch);
}

/** The line's number, which way was not taken, and the text where it begins. */
function placeOf(source: string, { position, what }: Branch): string {
  const line = source.slice(0, position).split('\n').length;
  const end = source.indexOf('\n', position);
  const text = source.slice(position, end === -1 ? undefined : end).slice(0, SHOWN_CHARACTERS);
  return `${line}: ${what.padEnd(8)} ${text}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1).padStart(5)} %`;
}
