import { list, readProcessStatus } from '../../linux/index.ts';
import { HostError } from '../errors.ts';

/**
 * Each VM process runs as a user and group of its own from this range, which no account nor container of a usual system uses:
 * accounts lie below 65,536 (systemd's dynamic ones too), subordinate ids and containers from 100,000 to 1,879,048,191
 * (https://systemd.io/UIDS-GIDS). An id is free again when no process has it.
 */
export const VM_USERS = { first: 1_900_000_000, count: 65_536 } as const;

export function isVmUser(userId: number): boolean {
  return userId >= VM_USERS.first && userId < VM_USERS.first + VM_USERS.count;
}

/** The lowest id of the range that `used` doesn't hold. Throws HostError `vm-refused`. */
export function freeVmUser(used: ReadonlySet<number>): number {
  for (let slot = 0; slot < VM_USERS.count; slot++) {
    if (!used.has(VM_USERS.first + slot)) return VM_USERS.first + slot;
  }
  throw new HostError('vm-refused', {
    asked: 'start the VM',
    obstacle: `processes run under all ${VM_USERS.count} users from ${VM_USERS.first} on, of which each VM needs one.`,
    remedy: 'Stop a VM, or whatever else uses these ids.',
  });
}

/** The user ids of that range that some process of this machine has. */
export function vmUsersOfProcesses(): Set<number> {
  const used = new Set<number>();
  for (const name of list('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const userId = readProcessStatus(Number(name))?.userId;
    if (userId !== undefined && isVmUser(userId)) used.add(userId);
  }
  return used;
}
