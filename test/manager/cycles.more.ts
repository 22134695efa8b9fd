import { test } from 'node:test';
import { runCycles } from './run-cycles.ts';

test('cycles over three VMs, with failures, end with every device home', (t) => runCycles(t, 20));
