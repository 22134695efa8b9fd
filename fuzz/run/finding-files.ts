import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { TARGET_NAMES } from '../targets/index.ts';
import type { Finding } from './job.ts';

const cache = process.env['DDA_CACHE'] ?? join(import.meta.dirname, '..', '..', '.cache');
const DIRECTORY = join(cache, 'fuzz-findings');

const schema = z.object({
  target: z.enum(TARGET_NAMES),
  seed: z.number(),
  input: z.string(),
  message: z.string(),
  stack: z.string(),
});

/** Writes a finding where it can be replayed from, and gives the path. */
export function writeFinding(finding: Finding, number: number): string {
  mkdirSync(DIRECTORY, { recursive: true });
  const path = join(DIRECTORY, `${finding.target}-${finding.seed}-${number}.json`);
  writeFileSync(path, `${JSON.stringify(finding, undefined, 2)}\n`);
  return path;
}

/** Throws an Error that says what is wrong with the file. */
export function readFinding(path: string): Finding {
  return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
}
