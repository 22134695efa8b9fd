import type { InterruptKind } from './function-backend.ts';

/** What to do to the interrupts of a VFIO device, in order. */
export type VectorAction =
  | { readonly kind: 'disable'; readonly interrupt: InterruptKind }
  | {
      readonly kind: 'set';
      readonly interrupt: InterruptKind;
      readonly start: number;
      readonly eventFds: readonly (number | undefined)[];
    }
  /** An interrupt may have been lost while they were disabled: the guest looks at its queues once too often instead. */
  | { readonly kind: 'signal'; readonly eventFds: readonly number[] };

/** What the function has of one kind, and whether vectors can be added while it is enabled. */
export interface VectorLimits {
  readonly count: number;
  readonly resizable: boolean;
}

/** Drivers rarely enable fewer, and host vectors that nobody connects cost next to nothing. */
const leastMsixVectors = 8;

/**
 * Which vectors are enabled and connected. VFIO enables a kind with a number of vectors; on kernels where that number can't
 * grow (NORESIZE: Linux 6.1), more means to disable all and enable more, so it grows by doubling.
 */
export class VectorAllocation {
  readonly #limits: Readonly<Record<InterruptKind, VectorLimits>>;
  readonly #connected = new Map<number, number>();
  #enabled: { readonly kind: InterruptKind; readonly count: number } | undefined;

  constructor(limits: Readonly<Record<InterruptKind, VectorLimits>>) {
    this.#limits = limits;
  }

  /**
   * Enables `kind` with no vector connected, so that the function finds it on from when its driver turned it on: some look
   * only then, before any vector is programmed.
   */
  enable(kind: InterruptKind): VectorAction[] {
    if (this.#enabled?.kind === kind) return [];
    const actions = this.disable();
    const count = Math.min(this.#limits[kind].count, this.#least(kind));
    if (count === 0) return actions;
    this.#enabled = { kind, count };
    const eventFds = Array.from({ length: count }, () => undefined);
    return [...actions, { kind: 'set', interrupt: kind, start: 0, eventFds }];
  }

  /** `expectedCount`: the vectors the guest has enabled, where that is known; a power of two for MSI. */
  connect(kind: InterruptKind, vector: number, eventFd: number | undefined, expectedCount: number): VectorAction[] {
    const limits = this.#limits[kind];
    if (vector >= limits.count)
      throw new RangeError(`the function has ${limits.count} ${kind} vectors, none numbered ${vector}`);
    const actions: VectorAction[] = [];
    if (this.#enabled !== undefined && this.#enabled.kind !== kind) actions.push(...this.disable());
    if (eventFd === undefined) this.#connected.delete(vector);
    else this.#connected.set(vector, eventFd);

    const enabled = this.#enabled;
    if (enabled !== undefined && vector < enabled.count) {
      return [...actions, { kind: 'set', interrupt: kind, start: vector, eventFds: [eventFd] }];
    }
    if (eventFd === undefined) return actions;
    if (enabled !== undefined && limits.resizable) {
      this.#enabled = { kind, count: vector + 1 };
      return [...actions, { kind: 'set', interrupt: kind, start: vector, eventFds: [eventFd] }];
    }
    if (enabled !== undefined) actions.push({ kind: 'disable', interrupt: kind });
    const count = Math.min(limits.count, powerOfTwo(Math.max(vector + 1, expectedCount, this.#least(kind))));
    this.#enabled = { kind, count };
    const eventFds = Array.from({ length: count }, (_, i) => this.#connected.get(i));
    actions.push({ kind: 'set', interrupt: kind, start: 0, eventFds });
    if (enabled !== undefined) actions.push({ kind: 'signal', eventFds: [...this.#connected.values()] });
    return actions;
  }

  disable(): VectorAction[] {
    const enabled = this.#enabled;
    this.#enabled = undefined;
    this.#connected.clear();
    return enabled === undefined ? [] : [{ kind: 'disable', interrupt: enabled.kind }];
  }

  /** MSI vectors are one aligned block of the host's: no more than the guest asked for. */
  #least(kind: InterruptKind): number {
    return kind === 'msix' ? leastMsixVectors : 1;
  }
}

function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}
