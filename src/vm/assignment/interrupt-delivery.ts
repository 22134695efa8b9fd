import type { MsiMessage, PciFunction } from '../../functions/index.ts';
import type { InterruptTarget as TokenTarget } from '../../vpci/index.ts';
import type { MsiRoute, MsiRoutes } from '../interrupts/msi-routes.ts';

interface Vector {
  readonly route: MsiRoute;
  message: MsiMessage | undefined;
}

/**
 * Ties a function's vectors to the guest's: vector → the message that the guest programmed → where that message goes
 * now. The two halves change apart: unmasking and reprogramming on one side, CREATE, DELETE and RETARGET on the other.
 */
export class InterruptDelivery {
  readonly #routes: MsiRoutes;
  readonly #function: PciFunction;
  readonly #vcpus: number;
  readonly #targetOf: (message: MsiMessage) => TokenTarget | undefined;
  readonly #vectors = new Map<number, Vector>();

  constructor(
    routes: MsiRoutes,
    pciFunction: PciFunction,
    vcpus: number,
    targetOf: (message: MsiMessage) => TokenTarget | undefined,
  ) {
    this.#routes = routes;
    this.#function = pciFunction;
    this.#vcpus = vcpus;
    this.#targetOf = targetOf;
  }

  /** The guest programmed, masked or unmasked `vector`. */
  messageChanged(vector: number, message: MsiMessage | undefined): void {
    let state = this.#vectors.get(vector);
    if (state === undefined) {
      if (message === undefined) {
        return;
      }
      state = { route: this.#routes.open(), message: undefined };
      this.#vectors.set(vector, state);
      this.#function.connectVector(vector, state.route.eventFd.fd);
    }
    state.message = message;
    this.#apply(state);
  }

  /** The guest created, deleted or retargeted `message`. */
  targetChanged(message: MsiMessage): void {
    for (const state of this.#vectors.values()) {
      if (state.message?.address === message.address && state.message.data === message.data) {
        this.#apply(state);
      }
    }
  }

  close(): void {
    for (const [vector, state] of this.#vectors) {
      this.#function.connectVector(vector, undefined);
      state.route.close();
    }
    this.#vectors.clear();
  }

  #apply(state: Vector): void {
    const target = state.message && this.#targetOf(state.message);
    const vp = target?.vps.find((each) => each < this.#vcpus);
    if (target === undefined || vp === undefined) {
      state.route.disconnect();
    } else {
      state.route.connect({ vp, vector: target.vector });
    }
  }
}
