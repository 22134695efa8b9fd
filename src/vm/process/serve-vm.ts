import { PhysicalFunction } from '../../functions/index.ts';
import {
  closeFile,
  createDmaDomainOver,
  type DmaDomain,
  type OpenedWithMemory,
  openVfioDeviceAside,
  type PassedNode,
} from '../../linux/index.ts';
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

  async lend(order: Extract<VmRequest, { op: 'lend' }>, node: PassedNode, signal: AbortSignal): Promise<Loan> {
    const { device, release } = await this.#open(order, node, signal);
    try {
      const pciFunction = new PhysicalFunction(device, order.numaNode);
      if (signal.aborted) {
        pciFunction.close();
        throw signal.reason;
      }
      const assignment = this.#machine.lend(pciFunction, order.serial);
      return {
        warnings: pciFunction.warnings.map(({ message }) => message),
        eject: (deadlineMs) => this.#machine.eject(assignment, deadlineMs),
        revoke: () => this.#machine.rescind(assignment),
      };
    } finally {
      release();
    }
  }

  type(bytes: Uint8Array): void {
    this.#machine.type(bytes);
  }

  stop(): void {
    // Its end is waited for elsewhere, with whatever goes wrong in it.
    void this.#machine.stop().catch(() => undefined);
  }

  /** The guest goes on meanwhile. */
  #open(order: Extract<VmRequest, { op: 'lend' }>, node: PassedNode, signal: AbortSignal): Promise<OpenedWithMemory> {
    let domain: DmaDomain;
    try {
      domain = this.#domain ??= this.#openDomain(order.function);
    } catch (error) {
      if (node.fd !== undefined) closeFile(node.fd);
      throw error;
    }
    return openVfioDeviceAside({
      bdf: order.function,
      domain,
      passed: node,
      memory: this.#machine.memoryToPin(),
      signal,
    });
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
