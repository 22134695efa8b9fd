import { SoftwareDisk } from '../../functions/index.ts';
import { setCloseOnExec } from '../../linux/index.ts';
import type { VirtualMachine } from '../machine.ts';
import { Descriptor } from './descriptors.ts';
import type { VmProcessSpec } from './spec.ts';

/** Serials of functions that are lent count from 1; a guest shall not take a disk for one of them. */
const FIRST_SERIAL = 0xffff_0000;

/** Gives the guest the disks whose files this process has inherited. They are its own until it ends. */
export function lendInheritedDisks(machine: VirtualMachine, { disks, vcpus }: VmProcessSpec): void {
  let serial = FIRST_SERIAL;
  for (const [index, { uuid, virtualFunctions, ...facts }] of disks.entries()) {
    const fd = Descriptor.firstDisk + index;
    setCloseOnExec(fd, true);
    const identity = { name: `disk${index}`, uuid: Buffer.from(uuid, 'hex'), virtualFunctions };
    const disk = new SoftwareDisk(identity, { fd, ...facts });
    for (const name of disk.functions) machine.lend(disk.createFunction(name, vcpus), serial++);
  }
}
