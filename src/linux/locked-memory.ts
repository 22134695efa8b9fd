import { type Limit, readLimit, Resource, writeLimit } from './libc/limits.ts';

/**
 * Lets `processId` (0 = this one) lock at least `sizeBytes` of memory: what a device reaches by DMA is pinned, and pinned
 * memory counts against RLIMIT_MEMLOCK (8 MiB by default) unless the process has CAP_IPC_LOCK. Gives the limit now in
 * force. Throws {@link SystemCallError} EPERM where the hard limit is lower and the caller may not raise it.
 */
export function raiseMemlock(sizeBytes: number, processId = 0): Limit {
  const limit = readLimit(Resource.lockedMemory, processId);
  if (limit.soft >= sizeBytes) return limit;
  const raised = { soft: sizeBytes, hard: Math.max(limit.hard, sizeBytes) };
  writeLimit(Resource.lockedMemory, raised, processId);
  return raised;
}
