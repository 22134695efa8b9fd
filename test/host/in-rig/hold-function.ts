import { openVfioDevice } from '../../../src/linux/index.ts';

// Holds the function named on the command line until it is killed.
const device = openVfioDevice({ bdf: process.argv[2] ?? '', backend: 'container' });
process.stdout.write('ready\n');
process.stdin.once('end', () => device.close()).resume();
