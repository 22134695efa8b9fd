/** What can go wrong with one command, for tests. */
export type CommandFault =
  /** It never completes, until it is aborted or its queue is gone. */
  | { readonly kind: 'stuck' }
  /** It starts so much later. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** It does nothing and ends with this status. */
  | { readonly kind: 'error'; readonly status: number }
  /** It is carried out, and its completion names a command or a queue that it wasn't, or keeps the old phase. */
  | { readonly kind: 'bad-completion'; readonly wrong: 'command-id' | 'queue-id' | 'phase' };

export interface FaultOrder {
  readonly fault: CommandFault;
  readonly queue: 'admin' | 'io';
  /** Default: whichever comes. */
  readonly opcode?: number;
  /** How many such commands go well before. Default 0. */
  readonly after?: number;
  /** How many go wrong then. Default 1. */
  readonly times?: number;
}

interface Pending {
  readonly order: FaultOrder;
  after: number;
  times: number;
}

/** What shall go wrong with a controller. Empty unless somebody orders faults. */
export class FaultPlan {
  readonly #pending: Pending[] = [];
  #gone = false;

  order(order: FaultOrder): void {
    this.#pending.push({ order, after: order.after ?? 0, times: order.times ?? 1 });
  }

  /** From now on it is as if the controller had been pulled: reads give all ones and nothing happens any more. */
  vanish(): void {
    this.#gone = true;
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** What shall go wrong with this command. */
  take(queue: FaultOrder['queue'], opcode: number): CommandFault | undefined {
    if (this.#pending.length === 0) return undefined;
    for (const [index, pending] of this.#pending.entries()) {
      const { order } = pending;
      if (order.queue !== queue || (order.opcode !== undefined && order.opcode !== opcode)) continue;
      if (pending.after > 0) {
        pending.after -= 1;
        continue;
      }
      pending.times -= 1;
      if (pending.times <= 0) this.#pending.splice(index, 1);
      return order.fault;
    }
    return undefined;
  }
}
