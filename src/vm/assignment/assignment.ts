import type { FunctionBorrower, PciFunction } from '../../functions/index.ts';
import type { Guid, Offer } from '../../vmbus/index.ts';
import { VPCI_INTERFACE_ID, VpciProvider } from '../../vpci/index.ts';
import { BarMappings } from './bar-mappings.ts';
import { ConfigWindowMapping } from './config-window-mapping.ts';
import { InterruptDelivery } from './interrupt-delivery.ts';
import type { MachineServices } from './machine-services.ts';

/** How asking a guest for a function ended. */
export type EjectOutcome =
  /** The guest let go of it. */
  | 'ejected'
  /** No driver of the guest had the bus open: there was nobody to ask. */
  | 'not-in-use'
  /** The guest had not answered when the deadline came. */
  | 'deadline'
  /** It was taken, or the VM ended, while the guest was still being asked. */
  | 'rescinded';

/** The longest that a timer can run; a longer one would end at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What an assignment tells its machine. */
export interface AssignmentEvents {
  /** The host needs the function back. */
  releaseRequested(): void;
  /** The function can't go on. */
  failed(reason: string): void;
  /** The guest let go of the rescinded offer: nothing of this assignment is left in the guest. */
  released(): void;
}

/**
 * One function lent to one VM: the function, its vPCI provider, its offer, and what of it the guest can reach. It ends
 * with {@link revoke}, which waits for nobody.
 */
export class Assignment implements FunctionBorrower {
  readonly function: PciFunction;
  readonly instanceId: Guid;
  readonly #services: MachineServices;
  readonly #events: AssignmentEvents;
  readonly #provider: VpciProvider;
  readonly #bars: BarMappings;
  readonly #window: ConfigWindowMapping;
  readonly #interrupts: InterruptDelivery;
  #offer: Offer | undefined;
  #ejection: PromiseWithResolvers<EjectOutcome> | undefined;
  #revoked = false;
  #taken = false;
  /** What went wrong when it was taken. */
  #failure: { readonly error: unknown } | undefined;

  constructor(services: MachineServices, pciFunction: PciFunction, instanceId: Guid, events: AssignmentEvents) {
    this.function = pciFunction;
    this.instanceId = instanceId;
    this.#services = services;
    this.#events = events;
    this.#provider = new VpciProvider({
      instanceId,
      functions: [{ slot: 0, function: pciFunction }],
      ...(services.vpciMaxVersion === undefined ? {} : { maxVersion: services.vpciMaxVersion }),
      port: {
        mapConfigWindow: (gpa, plan) => this.#window.map(gpa, plan, this.#provider),
        configWindowChanged: (plan) => this.#window.change(plan),
        unmapConfigWindow: () => this.#window.unmap(),
        interruptTargetChanged: (message) => this.#interrupts.targetChanged(message),
        ejectionCompleted: () => this.#ejection?.resolve('ejected'),
        released: () => this.#events.released(),
        log: (entry) => services.log(entry),
      },
    });
    this.#bars = new BarMappings(services, pciFunction);
    this.#window = new ConfigWindowMapping(services);
    this.#interrupts = new InterruptDelivery(services.routes, pciFunction, services.vcpus, (message) =>
      this.#provider.interruptTarget(message),
    );
  }

  /** Resets the function, lets its DMA reach the guest's RAM, and offers it. Undoes all of it when a step fails. */
  start(): void {
    try {
      this.function.attach(this);
      this.function.attachMemory(this.#services.ram.dmaRegions());
      this.#offer = this.#services.vmbus.offer({
        interfaceId: VPCI_INTERFACE_ID,
        instanceId: this.instanceId,
        device: this.#provider,
        name: this.function.name,
      });
    } catch (error) {
      this.revoke();
      throw error;
    }
  }

  get revoked(): boolean {
    return this.#revoked;
  }

  get provider(): VpciProvider {
    return this.#provider;
  }

  /**
   * Asks the guest to let go and waits for `deadlineMs` at the most. The function works until {@link revoke}: the
   * guest's driver flushes and resets it on its way out. Asking again waits for the same answer.
   */
  async eject(deadlineMs: number): Promise<EjectOutcome> {
    if (this.#revoked) {
      return this.#ejection === undefined ? 'rescinded' : this.#ejection.promise;
    }
    if (this.#ejection === undefined) {
      this.#ejection = Promise.withResolvers();
      const asked = this.#provider.eject();
      if (asked === 'not-connected' || asked === 'gone') {
        this.#ejection.resolve('not-in-use');
      }
    }
    const deadline = Promise.withResolvers<EjectOutcome>();
    const timer = setTimeout(() => deadline.resolve('deadline'), Math.min(deadlineMs, MAX_TIMER_MS));
    try {
      return await Promise.race([this.#ejection.promise, deadline.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Takes the function away, whatever the guest does: from here on its config space and BARs read all ones and swallow
   * writes, it interrupts nobody, its DMA reaches nothing, and this process holds nothing of it. Idempotent.
   */
  revoke(): void {
    if (this.#revoked) {
      return;
    }
    this.#revoked = true;
    // Runs from the last to the first, each step whatever becomes of the ones before it.
    using steps = new DisposableStack();
    steps.defer(() => this.#ejection?.resolve('rescinded'));
    steps.defer(() => (this.#offer === undefined ? this.#events.released() : this.#offer.rescind()));
    steps.defer(() => {
      this.letGo();
      if (this.#failure !== undefined) throw this.#failure.error;
    });
  }

  /**
   * The part of {@link revoke} that the host may wait for: the function is taken, and the guest isn't told of it yet. What goes wrong is told
   * by {@link revoke}. Idempotent.
   */
  letGo(): void {
    if (this.#taken) return;
    this.#taken = true;
    try {
      using steps = new DisposableStack();
      steps.defer(() => this.function.close());
      steps.defer(() => this.#interrupts.close());
      steps.defer(() => this.#bars.unmapAll());
      steps.defer(() => this.#provider.surpriseRemoved());
    } catch (error) {
      this.#failure = { error };
    }
  }

  barMoved(barIndex: number, gpa: number | undefined): void {
    if (!this.#taken) {
      this.#bars.move(barIndex, gpa);
    }
  }

  imageAccessChanged(barIndex: number): void {
    if (!this.#taken) {
      this.#bars.imageAccessChanged(barIndex);
    }
  }

  doorbellsChanged(barIndex: number): void {
    if (!this.#taken) {
      this.#bars.doorbellsChanged(barIndex);
    }
  }

  messageChanged(vector: number, message: Parameters<InterruptDelivery['messageChanged']>[1]): void {
    if (!this.#taken) {
      this.#interrupts.messageChanged(vector, message);
    }
  }

  releaseRequested(): void {
    this.#events.releaseRequested();
  }

  failed(reason: string): void {
    this.#events.failed(reason);
  }
}
