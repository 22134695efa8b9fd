import { EventFd, firstFreeGsi, irqchipRoutes, type KvmVm, maxGsiRoutes } from '../../linux/index.ts';
import { type InterruptTarget, msiFor } from './msi-address.ts';

/** The part of a KVM VM that interrupt routes need. */
export type RoutingVm = Pick<KvmVm, 'setGsiRouting' | 'connectIrqfd' | 'disconnectIrqfd'>;

/** KVM's table has room for so many beside the interrupt chips' own. */
const MAX_MSI_ROUTES = maxGsiRoutes - irqchipRoutes().length;

/** KVM's table of interrupt routes for one VM; device eventfds reach guest vectors through it with no exit. */
export class MsiRoutes {
  readonly #vm: RoutingVm;
  readonly #limit: number;
  readonly #targets = new Map<number, InterruptTarget>();
  readonly #used = new Set<number>();

  constructor(vm: RoutingVm, limit: number = MAX_MSI_ROUTES) {
    this.#vm = vm;
    this.#limit = limit;
  }

  /** A route of its own for one device vector, with a new eventfd; nothing is delivered before it has a target. */
  open(): MsiRoute {
    if (this.#used.size >= this.#limit) {
      throw new RangeError(`all ${this.#limit} interrupt routes of this VM are in use: eject a function first`);
    }
    let gsi: number = firstFreeGsi;
    while (this.#used.has(gsi)) {
      gsi += 1;
    }
    const route = new MsiRoute(
      this.#vm,
      EventFd.create(),
      gsi,
      (target) => this.#retarget(gsi, target),
      () => {
        // The table may keep the entry until it changes: nothing signals the GSI, and each change costs milliseconds.
        this.#targets.delete(gsi);
        this.#used.delete(gsi);
      },
    );
    this.#used.add(gsi);
    return route;
  }

  #retarget(gsi: number, target: InterruptTarget): void {
    const now = this.#targets.get(gsi);
    if (now !== undefined && now.vp === target.vp && now.vector === target.vector) {
      return;
    }
    this.#targets.set(gsi, target);
    // The call replaces the whole table, the IO-APIC's pins included.
    this.#vm.setGsiRouting([
      ...irqchipRoutes(),
      ...[...this.#targets].map(([each, to]) => ({ gsi: each, to: 'msi' as const, ...msiFor(to) })),
    ]);
  }
}

/**
 * One device vector's way into the guest. While it is not connected, interrupts stay counted in the eventfd and are
 * delivered when it is connected again: KVM looks at the eventfd when an irqfd is assigned (Linux virt/kvm/eventfd.c).
 * That is what a masked vector's pending bit asks for.
 */
export class MsiRoute {
  readonly eventFd: EventFd;
  readonly #vm: RoutingVm;
  readonly #gsi: number;
  readonly #retarget: (target: InterruptTarget) => void;
  readonly #free: () => void;
  #connected = false;

  constructor(
    vm: RoutingVm,
    eventFd: EventFd,
    gsi: number,
    retarget: (target: InterruptTarget) => void,
    free: () => void,
  ) {
    this.#vm = vm;
    this.eventFd = eventFd;
    this.#gsi = gsi;
    this.#retarget = retarget;
    this.#free = free;
  }

  /** Delivers to `target` from now on, and what is pending at once. */
  connect(target: InterruptTarget): void {
    this.#retarget(target);
    if (!this.#connected) {
      this.#vm.connectIrqfd(this.eventFd.fd, this.#gsi);
      this.#connected = true;
    }
  }

  /** Holds interrupts back. */
  disconnect(): void {
    if (this.#connected) {
      this.#vm.disconnectIrqfd(this.eventFd.fd, this.#gsi);
      this.#connected = false;
    }
  }

  /** Gives the route and its eventfd up. */
  close(): void {
    this.disconnect();
    this.#free();
    this.eventFd.close();
  }
}
