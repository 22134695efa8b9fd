import type { FunctionState, VmState } from '../ownership/owner.ts';
import type { JournalledVm, JournalPort } from '../journal/journal.ts';
import type { Action } from '../ownership/actions.ts';
import { hasEntered } from '../ownership/entered.ts';
import type { OwnershipEvent } from '../ownership/events.ts';
import { step } from '../ownership/step.ts';
import type { Stepped } from '../ownership/step.ts';
import type { Changes, OwnershipTable } from '../ownership/world.ts';
import type { ClockPort } from './ports.ts';
import { Timers } from './timers.ts';
import type { VmRegistry } from './vm-registry.ts';

/** Who is told of what happened. */
export interface EngineObserver {
  /** In order, when it is on the disk and before what follows from it begins. */
  changed(changes: Changes, before: { functions: Map<string, FunctionState>; vms: Map<string, VmState> }): void;
  /** Begins an act, and gives its end back as an event. Does nothing before it returns that could make one. */
  perform(action: Action): void;
  /** All that an event made of the world is written down, told and begun: another event may be told from here. */
  carriedOut(): void;
  /** What happened could not be written down: from here on nothing may be done any more. */
  fatal(error: unknown): void;
}

/** Takes events one by one: steps the machine, writes down what it makes of the world, and only then has it done. */
export class Engine {
  readonly table: OwnershipTable;
  readonly #journal: JournalPort;
  readonly #clock: ClockPort;
  readonly #vms: VmRegistry;
  readonly #timers: Timers;
  readonly #observer: EngineObserver;
  /** How often a function has come into another state: an answer to an act of an earlier one is too late. */
  readonly #entries = new Map<string, number>();
  /** How often it was lent. */
  readonly #loans = new Map<string, number>();
  /** Which lending of its VM a function is at. */
  readonly #serials = new Map<string, number>();
  #closed = false;

  constructor(
    table: OwnershipTable,
    ports: { readonly journal: JournalPort; readonly clock: ClockPort; readonly vms: VmRegistry },
    observer: EngineObserver,
  ) {
    this.table = table;
    this.#journal = ports.journal;
    this.#clock = ports.clock;
    this.#vms = ports.vms;
    this.#timers = new Timers(ports.clock);
    this.#observer = observer;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  entryOf(name: string): number {
    return this.#entries.get(name) ?? 0;
  }

  loanOf(name: string): number {
    return this.#loans.get(name) ?? 0;
  }

  /** Which lending of its VM it is, from 1. */
  serialOf(name: string): number {
    return this.#serials.get(name) ?? 0;
  }

  /** A request. Throws HostError `journal-unusable`; then nothing has changed. */
  ask(event: OwnershipEvent): Stepped {
    const stepped = step(this.table, event, this.#clock.nowMs());
    this.#carryOut(stepped);
    this.#observer.carriedOut();
    return stepped;
  }

  /** Something that happened, whether it can be written down or not. */
  tell(event: OwnershipEvent): void {
    if (this.#closed) return;
    try {
      this.ask(event);
    } catch (error) {
      this.close();
      this.#observer.fatal(error);
    }
  }

  /** What waited when an earlier manager ended waits on. */
  waitForAll(): void {
    for (const fn of this.table.functions()) this.#waitFor(fn.name, fn);
    for (const { name, untilMs } of this.table.vms()) this.#waitForVm(name, untilMs);
  }

  close(): void {
    this.#closed = true;
    this.#timers.stop();
  }

  #carryOut({ changes, actions }: Stepped): void {
    const { functions, vms } = changes;
    if (functions.size + vms.size > 0) {
      const before = { functions: new Map<string, FunctionState>(), vms: new Map<string, VmState>() };
      for (const name of functions.keys()) {
        const fn = this.table.fn(name);
        if (fn !== undefined) before.functions.set(name, fn);
      }
      for (const name of vms.keys()) {
        const vm = this.table.vm(name);
        if (vm !== undefined) before.vms.set(name, vm);
      }
      this.#journal.write({ functions, vms: this.#rows(changes, before.functions) });
      this.table.apply(changes);
      for (const [name, fn] of functions) this.#entered(name, before.functions.get(name), fn);
      for (const [name, vm] of vms) this.#waitForVm(name, vm?.untilMs);
      this.#observer.changed(changes, before);
    }
    for (const action of actions) this.#observer.perform(action);
  }

  /** VMs that changed, and those that are lent one more function: they count on over restarts. */
  #rows(
    { functions, vms }: Changes,
    before: ReadonlyMap<string, FunctionState>,
  ): Map<string, JournalledVm | undefined> {
    const touched = new Map(vms);
    for (const [name, fn] of functions) {
      if (fn?.owner.kind !== 'lending') continue;
      // One that an earlier manager was at begins anew, and of several at once each has a number of its own.
      if (before.get(name)?.owner.kind === 'lending' && this.#serials.has(name)) continue;
      const record = this.#vms.get(fn.owner.vm);
      if (record === undefined) continue;
      record.lendings += 1;
      this.#serials.set(name, record.lendings);
      if (!touched.has(fn.owner.vm)) touched.set(fn.owner.vm, this.table.vm(fn.owner.vm));
    }
    return new Map([...touched].map(([name, state]) => [name, state && this.#vms.row(state)]));
  }

  #entered(name: string, before: FunctionState | undefined, fn: FunctionState | undefined): void {
    if (fn === undefined || hasEntered(before, fn)) {
      this.#entries.set(name, this.entryOf(name) + 1);
      if (fn?.owner.kind === 'lending') this.#loans.set(name, this.loanOf(name) + 1);
    }
    this.#waitFor(name, fn);
  }

  #waitFor(name: string, fn: FunctionState | undefined): void {
    const untilMs = fn !== undefined && 'untilMs' in fn.owner ? fn.owner.untilMs : undefined;
    this.#timers.set(`function ${name}`, untilMs, () => this.tell({ kind: 'function-due', function: name }));
  }

  #waitForVm(name: string, untilMs: number | undefined): void {
    this.#timers.set(`vm ${name}`, untilMs, () => this.tell({ kind: 'vm-due', vm: name }));
  }
}
