import type { HostTree } from '../tree/host-tree.ts';
import type { ProcessMark } from './record.ts';

/** When a process started; undefined where there is none with this id, or it has ended and waits to be collected. */
export function processStartTicks(tree: HostTree, processId: number): number | undefined {
  const text = tree.text(`/proc/${processId}/stat`);
  if (text === undefined) return undefined;
  // The second field is the program's name in parentheses and may hold anything, so count from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], Number(fields[19])];
  return state === 'Z' || state === 'X' || Number.isNaN(startTicks) ? undefined : startTicks;
}

export function isProcessAlive(tree: HostTree, mark: ProcessMark): boolean {
  return processStartTicks(tree, mark.processId) === mark.startTicks;
}
