import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { PrecedencePort } from '../manager/ports.ts';

/**
 * For the manager and for what it starts to act on devices: guests that spin on every processor must not delay the return of a
 * device. VM processes get less (`src/host/vm-processes`).
 */
const MANAGER_NICE = -10;
/** Behind what runs at ordinary priority: the kernel's workers. */
const GIVING_WAY_NICE = 10;

/** Ahead of VMs, and for a while not. Needs root; without it, in tests, the manager is as nice as the others all the time. */
export class Precedence implements PrecedencePort {
  readonly #isRoot = process.getuid?.() === 0;
  #ends: NodeJS.Timeout | undefined;

  take(): void {
    if (!this.#isRoot) return;
    // Linux has a priority for each thread, and Node's own, which compile and collect for this one, are there already.
    for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), MANAGER_NICE);
  }

  comeFirst(): void {
    if (!this.#isRoot) return;
    clearTimeout(this.#ends);
    setPriority(MANAGER_NICE);
  }

  giveWay(forMs: number): void {
    if (!this.#isRoot) return;
    // This thread alone does what the kernel's would have to wait for.
    setPriority(GIVING_WAY_NICE);
    clearTimeout(this.#ends);
    this.#ends = setTimeout(() => this.comeFirst(), forMs).unref();
  }

  close(): void {
    clearTimeout(this.#ends);
  }
}
