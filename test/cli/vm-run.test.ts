import { describeCli } from './cli-in-rig.ts';

describeCli('dda vm, on a real host', ['refusals', 'scripts', 'control', 'interrupts']);
