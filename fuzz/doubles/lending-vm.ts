import type { ConsoleRing } from '../../src/vm/process/console-ring.ts';
import { VmProcessError } from '../../src/vm/process/vm-process-error.ts';
import type { Loan, ServedVm } from '../../src/vm/process/vm-service.ts';
import type { Probe } from '../engine/probe.ts';

/** What lending may end with, in turn: a refusal, and what nobody planned for. */
const REFUSALS = [
  new VmProcessError('lend-refused', 'This VM takes no more.'),
  Object.assign(new Error('x'.repeat(5000)), { code: 'ENODEV' }),
  Object.assign(new Error('a number for a code'), { code: 7 }),
  new VmProcessError('Not A Code', ''),
  new Error('without a code'),
  'no error at all',
];
const MOST_EJECTS = 8;
/** What is typed and not taken may be so long. */
export const MOST_UNTAKEN_BYTES: number = 64 * 1024;

/** The VM behind a VM process's service: it is lent few functions, each once, and types nothing that nobody takes. */
export class LendingVm implements ServedVm {
  untakenBytes = 0;
  readonly exits = 12;
  /** Ends what was asked to be ejected, in order. */
  readonly ejects: ((outcome: 'ejected' | 'deadline' | 'refused') => void)[] = [];
  readonly #probe: Probe;
  readonly #ring: ConsoleRing;
  readonly #lent = new Set<string>();
  #refused: number;

  readonly #mostLoans: number;

  /** `refusal`: which of them comes first. */
  constructor(probe: Probe, ring: ConsoleRing, mostLoans: number, refusal: number) {
    this.#probe = probe;
    this.#ring = ring;
    this.#mostLoans = mostLoans;
    this.#refused = refusal;
  }

  get consoleBytes(): number {
    return this.#ring.totalBytes;
  }

  async lend(order: { readonly function: string }): Promise<Loan> {
    const name = order.function;
    this.#probe.check(!this.#lent.has(name), () => `${name} was lent twice`);
    if (this.#lent.size >= this.#mostLoans) throw REFUSALS[this.#refused++ % REFUSALS.length];
    this.#lent.add(name);
    return {
      warnings: ['w'.repeat(this.#lent.size * 800)],
      eject: () =>
        new Promise<'ejected' | 'deadline'>((resolve, reject) => {
          this.ejects.push((outcome) => (outcome === 'refused' ? reject(new Error('refused')) : resolve(outcome)));
          if (this.ejects.length > MOST_EJECTS) reject(new Error('asked too often'));
        }).finally(() => this.#lent.delete(name)),
      revoke: () => void this.#lent.delete(name),
    };
  }

  type(bytes: Uint8Array): void {
    this.untakenBytes += bytes.byteLength;
    const most = MOST_UNTAKEN_BYTES;
    this.#probe.check(this.untakenBytes <= most, () => `${this.untakenBytes} bytes were typed that nobody takes`);
  }

  stop(): void {
    this.#probe.step();
  }
}
