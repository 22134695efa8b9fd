/**
 * The program of a VM process with an escaped guest in it: on SIGUSR2 it tries what such a guest might try, and writes what came of it to
 * standard error. The product's program is not changed for this; the package has nothing of it.
 */
import { writeSync } from 'node:fs';
import { ATTEMPTS, makeAttempt } from '../../../src/linux/testing/attempts.ts';

const STANDARD_ERROR = 2;

process.on('SIGUSR2', () => {
  const results = ATTEMPTS.map(makeAttempt);
  writeSync(STANDARD_ERROR, `dda-attempts: ${JSON.stringify(results)}\n`);
});

await import('../../../src/vm/process/vm-process.ts');
