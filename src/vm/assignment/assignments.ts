import type { PciFunction } from '../../functions/index.ts';
import { HypercallStatus, type RetargetRequest } from '../../hyperv/index.ts';
import { Assignment, type EjectOutcome } from './assignment.ts';
import { InstanceIds } from './instance-ids.ts';
import type { MachineServices } from './machine-services.ts';

/** What is told of all assignments of a machine. */
export interface AssignmentsEvents {
  /** The host needs this function back. */
  releaseRequested(assignment: Assignment): void;
  /** This function can't go on. */
  failed(assignment: Assignment, reason: string): void;
}

/** The guest's processors, as far as taking a function concerns them. */
export interface GuestProcessors {
  /** They stay out of the guest until {@link goOn}, but not for long. Doesn't wait for it. */
  standStill(): void;
  goOn(): void;
}

/** The functions that one machine has on loan. */
export class Assignments {
  readonly #services: MachineServices;
  readonly #events: AssignmentsEvents;
  readonly #processors: GuestProcessors;
  readonly #instanceIds = new InstanceIds();
  readonly #live = new Set<Assignment>();

  constructor(services: MachineServices, events: AssignmentsEvents, processors: GuestProcessors) {
    this.#services = services;
    this.#events = events;
    this.#processors = processors;
  }

  /** Those that are not revoked. */
  get live(): readonly Assignment[] {
    return [...this.#live];
  }

  /** Takes `pciFunction` over: when a step fails it is closed, and this throws. `serial` names the slot in the guest. */
  lend(pciFunction: PciFunction, serial: number): Assignment {
    using undo = new DisposableStack();
    // Whoever gets the error gives the function back to the host next, which waits for ever if it is still open here.
    undo.defer(() => pciFunction.close());
    const instanceId = this.#instanceIds.take(serial);
    undo.defer(() => this.#instanceIds.giveBack(instanceId));
    const assignment: Assignment = new Assignment(this.#services, pciFunction, instanceId, {
      releaseRequested: () => this.#events.releaseRequested(assignment),
      failed: (reason) => this.#events.failed(assignment, reason),
      released: () => this.#instanceIds.giveBack(instanceId),
    });
    // From here on the assignment undoes all of it.
    undo.move();
    assignment.start();
    this.#live.add(assignment);
    return assignment;
  }

  /** Asks the guest, waits for `deadlineMs` at the most, then takes the function away in any case. */
  async eject(assignment: Assignment, deadlineMs: number): Promise<EjectOutcome> {
    const outcome = await assignment.eject(deadlineMs);
    if (outcome === 'deadline') this.rescind(assignment);
    else this.#revoke(assignment);
    return outcome;
  }

  /** Takes the function away without asking. A guest that doesn't give it back by itself has no processors meanwhile, however much it wants them. */
  rescind(assignment: Assignment): void {
    this.#processors.standStill();
    try {
      this.#revoke(assignment);
    } finally {
      this.#processors.goOn();
    }
  }

  #revoke(assignment: Assignment): void {
    this.#live.delete(assignment);
    assignment.revoke();
  }

  /** Takes all functions away, each whatever becomes of the others. */
  rescindAll(): void {
    using all = new DisposableStack();
    for (const assignment of this.#live) {
      all.defer(() => this.rescind(assignment));
    }
  }

  /** HvCallRetargetDeviceInterrupt, for whichever bus has the device. */
  retarget({ deviceId, message, vector, vps }: RetargetRequest): HypercallStatus {
    for (const { provider } of this.#live) {
      const result = provider.retarget({ ...message, deviceId, vector, vps });
      if (result !== 'not-this-bus') {
        return result === 'retargeted' ? HypercallStatus.SUCCESS : HypercallStatus.INVALID_PARAMETER;
      }
    }
    return HypercallStatus.INVALID_PARAMETER;
  }
}
