import { test } from 'node:test';
import { runCycles } from './run-cycles.ts';

test('many cycles over three VMs, with failures, end with every device home', (t) => runCycles(t, 200));
