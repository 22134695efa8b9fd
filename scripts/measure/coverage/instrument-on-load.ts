/**
 * Loaded before a run of tests (`node --import`): puts Istanbul's counters into the product files that DDA_COUNTED lists (JSON) as
 * they are loaded, and writes what was counted to the file DDA_COUNTS when the process ends. A listed file that no test loads
 * is written down, too, with nothing taken.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { createInstrumenter } from 'istanbul-lib-instrument';
import type { CoverageMapData } from 'istanbul-lib-coverage';

const COUNTERS = '__dda_counters__';

function settingOf(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: this is started by 'npm run measure'.`);
  return value;
}

const files = new Set(JSON.parse(settingOf('DDA_COUNTED')) as readonly string[]);
const resultFile = settingOf('DDA_COUNTS');
const instrumenter = createInstrumenter({
  coverageVariable: COUNTERS,
  esModules: true,
  // Types are no statements: the counters go into the TypeScript as it stands, so that none are lost or moved.
  parserPlugins: ['typescript'],
});
const nothingTaken: CoverageMapData = {};

function instrumented(path: string): string {
  const source = instrumenter.instrumentSync(readFileSync(path, 'utf8'), path);
  nothingTaken[path] = instrumenter.lastFileCoverage();
  return stripTypeScriptTypes(source);
}

registerHooks({
  load(url, context, next) {
    if (!url.startsWith('file:') || !files.has(fileURLToPath(url))) return next(url, context);
    return { format: 'module', source: instrumented(fileURLToPath(url)), shortCircuit: true };
  },
});

process.on('exit', () => {
  const taken = (globalThis as { [COUNTERS]?: CoverageMapData })[COUNTERS] ?? {};
  for (const path of files) if (taken[path] === undefined) instrumented(path);
  writeFileSync(resultFile, JSON.stringify({ ...nothingTaken, ...taken }));
});
