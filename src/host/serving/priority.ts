import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * For the manager and for what it starts to act on devices: guests that spin on every processor must not delay the return of a
 * device. VM processes get less (`src/host/vm-processes`).
 */
const MANAGER_NICE = -10;

/** Needs root; without it, in tests, the manager is as nice as the others. */
export function runBeforeVms(): void {
  if (process.getuid?.() !== 0) return;
  // Linux has a priority for each thread, and Node's own, which compile and collect for this one, are there already.
  for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), MANAGER_NICE);
}
