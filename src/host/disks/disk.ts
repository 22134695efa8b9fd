import { SoftwareDisk } from '../../functions/index.ts';
import { canonicalName } from '../moves/move.ts';
import { type DiskSpec, openDiskFile, refuseTwice } from './disk-file.ts';

/** The guest's driver for a disk. */
export const DISK_DRIVER = 'nvme';
/** What a disk's BAR takes of the guest's window for 64-bit BARs. */
export const DISK_WINDOW_BYTES = 0x4000;

/** `disk0`, `disk1`, …; `disk0.1` is a virtual function of one. */
export function isDiskName(text: string): boolean {
  return /^disk\d{1,3}(?:\.\d{1,2})?$/.test(text);
}

/** A disk's name as it is; anything else is a PCI address. Throws PciAddressError. */
export function functionName(text: string): string {
  return isDiskName(text) ? text : canonicalName(text);
}

/** A file that is a disk of a VM in this process: open and locked until it is closed. */
export class Disk extends SoftwareDisk {
  readonly path: string;

  /** Throws as {@link openDiskFile}. */
  constructor(spec: DiskSpec, name: string) {
    const { uuid, ...file } = openDiskFile(spec);
    super({ name, uuid, virtualFunctions: spec.virtualFunctions ?? 0 }, file);
    this.path = spec.path;
  }
}

/** `disk0`, `disk1`, …; all of them, or none and HostError. */
export function openDisks(specs: readonly DiskSpec[]): Disk[] {
  refuseTwice(specs);
  const disks: Disk[] = [];
  try {
    for (const spec of specs) disks.push(new Disk(spec, `disk${disks.length}`));
    return disks;
  } catch (error) {
    for (const disk of disks) disk.close();
    throw error;
  }
}
