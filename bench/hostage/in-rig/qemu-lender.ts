import { once } from 'node:events';
import { startQemu } from '../../in-rig/qemu-vmm.ts';
import { GuestLine } from '../../../src/vm/boot/init-script.ts';
import type { Guest } from '../guests.ts';
import type { HostagePlan } from '../plan.ts';
import type { Borrower, Lender } from './side.ts';
import { bindToHost, bindToVfio, driverOf, untilBound, untilPresent } from './sysfs.ts';

const HOME_TIMEOUT_MS = 60_000;

/** QEMU's vfio-pci, and an administrator with a shell. */
export class QemuLender implements Lender {
  readonly #plan: HostagePlan;

  constructor(plan: HostagePlan) {
    this.#plan = plan;
  }

  async prepare(): Promise<void> {
    const { lent } = this.#plan;
    await untilPresent(lent, HOME_TIMEOUT_MS);
    // One that has just been plugged is the host's in a moment.
    if (driverOf(lent) === undefined) await untilBound(lent, 'nvme', HOME_TIMEOUT_MS);
    await bindToVfio(lent);
    await untilBound(lent, 'vfio-pci', HOME_TIMEOUT_MS);
  }

  async start(guest: Guest): Promise<Borrower> {
    const { lent, guest: files } = this.#plan;
    const commandLine = `${files.commandLine}${guest}`;
    const vmm = await startQemu({ ...files, commandLine, addedCommandLine: '', firstLine: GuestLine.up }, lent);
    await vmm.ready();
    const { pid } = vmm.process;
    if (pid === undefined) throw new Error('QEMU could not be started.');
    return {
      console: vmm.console,
      processId: pid,
      lend: () => vmm.add(),
      takeBack: async (deadlineMs) => {
        // A guest that doesn't answer is no reason to do without the device.
        await vmm.eject(deadlineMs).catch(() => undefined);
        await bindToHost(lent);
      },
      end: async () => {
        if (vmm.process.exitCode !== null || vmm.process.signalCode !== null) return;
        const ended = once(vmm.process, 'exit');
        vmm.kill();
        await ended;
      },
      complaints: () => vmm.complaints(),
    };
  }

  async close(): Promise<void> {
    await bindToHost(this.#plan.lent);
  }
}
