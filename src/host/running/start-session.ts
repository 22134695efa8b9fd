import { SystemCallError } from '../../linux/index.ts';
import { BootError, BootErrorCode, type MachineOptions } from '../../vm/index.ts';
import { DISK_WINDOW_BYTES, type Disk } from '../disks/disk.ts';
import { HostError } from '../errors.ts';
import { pciDevicesPath } from '../inventory/inventory.ts';
import { parseResourceTable } from '../inventory/resource-table.ts';
import { VmSession } from '../lending/vm-session.ts';
import type { Borrowed } from '../moves/borrow.ts';
import type { HostTree } from '../tree/host-tree.ts';

/** What a guest starts from. */
export type GuestImages = Pick<MachineOptions, 'kernel' | 'initrd'>;

export interface SessionPlan {
  readonly machine: Omit<MachineOptions, 'highWindowBytes' | keyof GuestImages>;
  readonly ejectDeadlineMs: number;
  /** Of software, lent from the start. */
  readonly disks?: readonly Disk[];
  /** Sizes of the guest's window for 64-bit BARs to try, the best first; `undefined`: the least there is. */
  readonly highWindows: readonly (number | undefined)[];
}

/**
 * Room for all 64-bit BARs of this host's functions and of disks, so that any of them can be added later; twice that, because each lies
 * at a multiple of its size. Less where the guest's addresses don't reach so far.
 */
export function highWindowsFor(tree: HostTree, diskCount = 0): (number | undefined)[] {
  const physicalBytes = tree
    .list(pciDevicesPath)
    .flatMap((name) => parseResourceTable(tree.text(`${pciDevicesPath}/${name}/resource`) ?? ''))
    .filter((bar) => bar.kind === 'memory64')
    .reduce((sum, bar) => sum + bar.sizeBytes, 0);
  const sizeBytes = physicalBytes + diskCount * DISK_WINDOW_BYTES;
  return [sizeBytes * 2, sizeBytes, undefined];
}

/** The same for a manager's VM, which comes to the least there is by itself. */
export function windowSizesFor(tree: HostTree, diskCount = 0): number[] {
  return highWindowsFor(tree, diskCount).flatMap((sizeBytes) =>
    sizeBytes === undefined || sizeBytes === 0 ? [] : [sizeBytes],
  );
}

/** Starts a VM. Throws HostError `vm-refused`, and as {@link VmSession} does. */
export function startSession(borrowed: Borrowed, plan: SessionPlan, images: GuestImages): VmSession {
  const [best, ...others] = plan.highWindows;
  try {
    return new VmSession(borrowed, {
      ...plan.machine,
      ...images,
      ejectDeadlineMs: plan.ejectDeadlineMs,
      ...(plan.disks === undefined ? {} : { disks: plan.disks }),
      ...(best === undefined ? {} : { highWindowBytes: best }),
    });
  } catch (error) {
    const tooLarge = error instanceof BootError && error.code === BootErrorCode.windowsDontFit;
    if (tooLarge && others.length > 0) return startSession(borrowed, { ...plan, highWindows: others }, images);
    if (!(error instanceof SystemCallError)) throw error;
    throw new HostError(
      'vm-refused',
      {
        asked: 'start the VM',
        obstacle: `the kernel refused: ${error.message}.`,
        remedy: 'Give it less memory or fewer CPUs; dmesg may say more.',
        details: { call: error.call, errno: error.code },
      },
      { cause: error },
    );
  }
}
