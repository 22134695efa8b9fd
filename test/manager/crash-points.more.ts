import { test } from 'node:test';
import { runCrashPoints } from './run-crash-points.ts';

test('a manager, and a VM process, killed at every act of dismount, mount and add', async (t) => {
  await runCrashPoints(t, '^(dismount|mount|add)$');
});
