import type { GsiRoute, MemorySlot } from '../../linux/index.ts';
import type { DoorbellVm } from '../assignment/bar-doorbells.ts';
import type { RoutingVm } from '../interrupts/msi-routes.ts';
import type { SlotVm } from '../memory/memory-slots.ts';

/** The calls to KVM that memory slots and interrupt routes make: what they lead to, and a KVM's refusal of nonsense. */
export class RecordingVm implements SlotVm, RoutingVm, DoorbellVm {
  /** By number. */
  readonly regions = new Map<number, MemorySlot>();
  /** The table of interrupt routes as it was last set. */
  routes: readonly GsiRoute[] = [];
  /** How often it was set. */
  routeTables = 0;
  /** eventfd → GSI. */
  readonly irqfds = new Map<number, number>();
  /** Guest-physical address → eventfd. */
  readonly doorbells = new Map<number, number>();
  /** The next call fails with this sentence. */
  refusal: string | undefined;

  setMemoryRegion(region: MemorySlot): void {
    this.#mayRefuse();
    if (region.sizeBytes === 0) {
      if (!this.regions.delete(region.slot)) throw new Error(`slot ${region.slot} is deleted, but not there`);
      return;
    }
    if (this.regions.has(region.slot)) throw new Error(`slot ${region.slot} is there already`);
    this.regions.set(region.slot, region);
  }

  setGsiRouting(routes: readonly GsiRoute[]): void {
    this.#mayRefuse();
    if (routes.length > 4096) throw new Error(`${routes.length} routes`);
    this.routes = routes;
    this.routeTables += 1;
  }

  connectIrqfd(eventFd: number, gsi: number): void {
    this.#mayRefuse();
    if (this.irqfds.has(eventFd)) throw new Error(`EBUSY: eventfd ${eventFd} has an irqfd`);
    this.irqfds.set(eventFd, gsi);
  }

  disconnectIrqfd(eventFd: number, gsi: number): void {
    this.#mayRefuse();
    if (this.irqfds.get(eventFd) !== gsi) throw new Error(`eventfd ${eventFd} has no irqfd for GSI ${gsi}`);
    this.irqfds.delete(eventFd);
  }

  connectDoorbell(eventFd: number, gpa: number): void {
    this.#mayRefuse();
    if (this.doorbells.has(gpa)) throw new Error(`EEXIST: 0x${gpa.toString(16)} has an ioeventfd`);
    this.doorbells.set(gpa, eventFd);
  }

  disconnectDoorbell(eventFd: number, gpa: number): void {
    this.#mayRefuse();
    if (this.doorbells.get(gpa) !== eventFd) throw new Error(`0x${gpa.toString(16)} has no ioeventfd ${eventFd}`);
    this.doorbells.delete(gpa);
  }

  /** Where a signal of `eventFd` goes now: the MSI that the guest gets. */
  msiOf(eventFd: number): { readonly address: bigint; readonly data: number } | undefined {
    const gsi = this.irqfds.get(eventFd);
    const route = this.routes.find((each) => each.to === 'msi' && each.gsi === gsi);
    return route?.to === 'msi' ? { address: route.address, data: route.data } : undefined;
  }

  #mayRefuse(): void {
    const refusal = this.refusal;
    this.refusal = undefined;
    if (refusal !== undefined) throw new Error(refusal);
  }
}
