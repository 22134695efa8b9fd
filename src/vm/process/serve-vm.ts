import { PhysicalFunction } from '../../functions/index.ts';
import { closeFile, createDmaDomainOver, type DmaDomain, openVfioDevice, type PassedNode } from '../../linux/index.ts';
import { VirtualMachine } from '../machine.ts';
import type { ConsoleRing } from './console-ring.ts';
import { Descriptor } from './descriptors.ts';
import type { VmRequest } from './protocol.ts';
import type { VmProcessSpec } from './spec.ts';
import { VmProcessError } from './vm-process-error.ts';
import type { Loan, ServedVm } from './vm-service.ts';

/** A virtual machine and the functions that it is lent, by the descriptors of this process alone. */
export class LendingMachine implements ServedVm {
  readonly #machine: VirtualMachine;
  readonly #ring: ConsoleRing;
  readonly #dma: VmProcessSpec['dma'];
  #domain: DmaDomain | undefined;

  constructor(machine: VirtualMachine, ring: ConsoleRing, dma: VmProcessSpec['dma']) {
    this.#machine = machine;
    this.#ring = ring;
    this.#dma = dma;
  }

  get consoleBytes(): number {
    return this.#ring.totalBytes;
  }

  get exits(): number {
    return this.#machine.exitCounts().exits;
  }

  get untakenBytes(): number {
    return this.#machine.untakenBytes;
  }

  lend(order: Extract<VmRequest, { op: 'lend' }>, node: PassedNode): Loan {
    const pciFunction = this.#open(order, node);
    const assignment = this.#machine.lend(pciFunction, order.serial);
    return {
      warnings: pciFunction.warnings.map(({ message }) => message),
      eject: (deadlineMs) => this.#machine.eject(assignment, deadlineMs),
      revoke: () => this.#machine.rescind(assignment),
    };
  }

  type(bytes: Uint8Array): void {
    this.#machine.type(bytes);
  }

  stop(): void {
    // Its end is waited for elsewhere, with whatever goes wrong in it.
    void this.#machine.stop().catch(() => undefined);
  }

  #open(order: Extract<VmRequest, { op: 'lend' }>, node: PassedNode): PhysicalFunction {
    let domain: DmaDomain;
    try {
      domain = this.#domain ??= this.#openDomain(order.function);
    } catch (error) {
      if (node.fd !== undefined) closeFile(node.fd);
      throw error;
    }
    const device = openVfioDevice({ bdf: order.function, domain, passed: node });
    return new PhysicalFunction(device, order.numaNode);
  }

  #openDomain(name: string): DmaDomain {
    if (this.#dma === 'none') {
      throw new VmProcessError(
        'vfio-missing',
        `${name} can not be lent: there was neither /dev/vfio/vfio nor /dev/iommu when this VM was started. Load vfio-pci and start the VM anew.`,
      );
    }
    return createDmaDomainOver(this.#dma, Descriptor.dma);
  }
}
