import { SoftwareDisk } from '../../functions/index.ts';
import { setCloseOnExec } from '../../linux/index.ts';
import type { VirtualMachine } from '../machine.ts';
import { Descriptor } from './descriptors.ts';
import type { VmProcessSpec } from './spec.ts';

/** Serials of functions that are lent count from 1; a guest shall not take a disk for one of them. */
const FIRST_SERIAL = 0xffff_0000;

/** Gives the guest the disks whose files this process has inherited. They are its own until it ends. */
export function lendInheritedDisks(machine: VirtualMachine, { disks, vcpus }: VmProcessSpec): void {
  for (const [index, { uuid, ...facts }] of disks.entries()) {
    const fd = Descriptor.firstDisk + index;
    setCloseOnExec(fd, true);
    const disk = new SoftwareDisk({ name: `disk${index}`, uuid: Buffer.from(uuid, 'hex') }, { fd, ...facts });
    machine.lend(disk.createFunction(vcpus), FIRST_SERIAL + index);
  }
}
