import { once } from 'node:events';
import { HostError, openHost, withBorrowedFunctions } from '../../../src/host/index.ts';

// Borrows the functions named on the command line until a signal ends it; ends with the exit code of what it then gets.
const host = openHost('dda borrow');
try {
  await withBorrowedFunctions(host, process.argv.slice(2), async ({ signal }) => {
    process.stdin.resume();
    process.stdout.write('ready\n');
    if (!signal.aborted) await once(signal, 'abort');
  });
} catch (error) {
  if (!(error instanceof HostError)) throw error;
  process.exitCode = error.exitCode;
}
process.stdin.destroy();
