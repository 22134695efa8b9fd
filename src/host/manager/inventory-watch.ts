import type { OwnershipEvent } from '../ownership/events.ts';
import type { OwnershipTable } from '../ownership/world.ts';
import type { HostNews, HostNewsPort, HostPort, Look } from './host-port.ts';
import type { ManagerParts } from './manager-parts.ts';
import type { ClockPort, PrecedencePort } from './ports.ts';

/** One plugging makes many uevents; what counts is how it is when they are over. */
export const settleMs = 50;
/**
 * A VM process hears from VFIO, too, that the host waits for a function, and lets go of it by itself. What the manager does about it would only take
 * the processor from that; so it goes on what the kernel's log says when the process has had its time.
 */
export const witnessMs = 150;

/**
 * The kernel works on an unplugging at ordinary priority, with the lock of all plug and play. What the manager does because of it can wait, and would be
 * ahead of that.
 */
const giveWayMs = 600;
/** Until a holder that does not run has been killed. */
const actMs = 100;

/** What the watch knows of who has a function. */
export interface Loans {
  /** Which lending of the function it is: another number, another loan. */
  loanOf(name: string): number;
  /** Whether there is a process that has it and is not stopped. */
  holderRuns(name: string): boolean;
}

/** Keeps what is known of the host's functions up to date: looks at what is said to have changed, and at nothing else. */
export class InventoryWatch {
  readonly #host: HostPort;
  readonly #clock: ClockPort;
  readonly #precedence: PrecedencePort | undefined;
  readonly #table: () => OwnershipTable;
  readonly #tell: (event: OwnershipEvent) => void;
  readonly #loans: Loans;
  readonly #looks = new Map<string, Look>();
  readonly #pending = new Map<string, () => void>();
  readonly #due = new Set<() => void>();
  #stopListening: (() => void) | undefined;
  #isStopped = false;

  constructor(
    ports: Pick<ManagerParts, 'host' | 'clock' | 'precedence'>,
    table: () => OwnershipTable,
    tell: (event: OwnershipEvent) => void,
    loans: Loans,
  ) {
    this.#host = ports.host;
    this.#clock = ports.clock;
    this.#precedence = ports.precedence;
    this.#table = table;
    this.#tell = tell;
    this.#loans = loans;
  }

  /** Everything, at the start. */
  lookAtAll(): ReadonlyMap<string, Look> {
    this.#looks.clear();
    for (const [name, look] of this.#host.look()) this.#looks.set(name, look);
    return this.#looks;
  }

  listen(news: HostNewsPort | undefined): void {
    this.#stopListening = news?.listen((each) => this.#hear(each));
  }

  classOf(name: string): string | undefined {
    return this.#looks.get(name)?.classCode;
  }

  /** Looks at a function when things have settled. */
  soon(name: string): void {
    if (this.#isStopped || this.#pending.has(name)) return;
    const cancel = this.#clock.after(settleMs, () => {
      this.#pending.delete(name);
      this.lookNow(name);
    });
    this.#pending.set(name, cancel);
  }

  /** Looks at one function, and tells what has become of it. */
  lookNow(name: string): void {
    const look = this.#host.lookAt(name);
    if (look === undefined) {
      this.#looks.delete(name);
      if (this.#table().fn(name)?.present === true) this.#tell({ kind: 'gone', function: name });
      return;
    }
    this.#looks.set(name, look);
    this.#tell({ kind: 'seen', sighting: look });
  }

  /** Looks at every function of the host, and for those that are gone. */
  again(): void {
    const before = [...this.#table().functions()].filter(({ present }) => present);
    const now = this.lookAtAll();
    for (const { name } of before) if (!now.has(name)) this.#tell({ kind: 'gone', function: name });
    for (const sighting of now.values()) this.#tell({ kind: 'seen', sighting });
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopListening?.();
    for (const cancel of this.#pending.values()) cancel();
    this.#pending.clear();
    for (const cancel of this.#due) cancel();
    this.#due.clear();
  }

  #hostWaits(name: string): void {
    // Before anything else, even before a look at the holder.
    this.#precedence?.giveWay(giveWayMs);
    if (!this.#loans.holderRuns(name)) return this.#wantNow(name);
    const loan = this.#loans.loanOf(name);
    this.#after(witnessMs, () => {
      // It may have come back and be lent again, which the kernel has said nothing of.
      if (this.#loans.loanOf(name) === loan) this.#wantNow(name);
    });
  }

  #wantNow(name: string): void {
    this.#precedence?.comeFirst();
    this.#tell({ kind: 'host-waits', function: name });
    this.#after(actMs, () => this.#precedence?.giveWay(giveWayMs));
  }

  #after(delayMs: number, act: () => void): void {
    const cancel = this.#clock.after(delayMs, () => {
      this.#due.delete(cancel);
      act();
    });
    this.#due.add(cancel);
  }

  #hear(news: HostNews): void {
    switch (news.kind) {
      case 'function-changed':
        return this.soon(news.function);
      case 'function-left':
        // At once: when things have settled, it may be there again, and as another one.
        if (this.#table().fn(news.function)?.present === true) this.#tell({ kind: 'gone', function: news.function });
        return this.soon(news.function);
      case 'host-waits':
        return this.#hostWaits(news.function);
      case 'lost':
        return this.again();
    }
  }
}
