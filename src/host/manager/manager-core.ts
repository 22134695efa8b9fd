import { HostError } from '../errors.ts';
import type { Journalled } from '../journal/journal.ts';
import type { Request } from '../ownership/events.ts';
import { isOnTheWay } from '../ownership/guards.ts';
import type { FunctionState, VmState } from '../ownership/owner.ts';
import { step } from '../ownership/step.ts';
import type { Changes } from '../ownership/world.ts';
import { OwnershipTable, vmOf } from '../ownership/world.ts';
import { Acts } from './acts.ts';
import { Engine } from './engine.ts';
import { EventStream } from './event-stream.ts';
import { InventoryWatch } from './inventory-watch.ts';
import { isKept, keepRules } from './keep-rules.ts';
import { defaultPool } from './look.ts';
import type { ManagedFunction, ManagerSnapshot } from './manager.ts';
import type { ManagerParts } from './manager-parts.ts';
import { ManagerVms } from './manager-vms.ts';
import { Notes } from './notes.ts';
import type { VmSpec } from './ports.ts';
import { refusalError } from './refusal-text.ts';
import { findVms, reconcileVms } from './recovery.ts';
import { managedFunction, managedVm, whereaboutsOf } from './view.ts';
import { vmKey, VmProcesses } from './vm-processes.ts';
import { VmRegistry } from './vm-registry.ts';
import { Waiting } from './waiting.ts';

/** The machine, what acts for it, and who waits for it. */
export class ManagerCore {
  readonly table: OwnershipTable;
  readonly pools: Set<string>;
  readonly notes = new Notes();
  readonly events: EventStream;
  readonly #parts: ManagerParts;
  readonly #engine: Engine;
  /** Functions that nothing is being done with any more, and that were not there when they were looked at last. */
  readonly #cameToRest = new Set<string>();
  readonly #acts: Acts;
  /** VMs, as those who ask for them see them. */
  readonly vms: ManagerVms;
  readonly #vms = new VmRegistry();
  readonly #processes: VmProcesses;
  readonly #watch: InventoryWatch;
  readonly #waiting = new Waiting();

  constructor(parts: ManagerParts, { functions, vms, pools }: Journalled) {
    this.#parts = parts;
    const { clock, host, journal } = parts;
    this.events = new EventStream(() => new Date(clock.nowMs()).toISOString());
    this.pools = new Set([defaultPool, ...pools]);
    this.table = new OwnershipTable(
      functions,
      vms.map(({ state }) => state),
    );
    for (const { state, spec, process, createdAt, lendings } of vms) {
      // It was checked when it came, and the journal is ours alone.
      this.#vms.add(state.name, spec as VmSpec, createdAt, process, lendings);
    }
    const engine = (): Engine => this.#engine;
    this.#processes = new VmProcesses({
      engine,
      port: parts.vms,
      vms: this.#vms,
      notes: this.notes,
      noteProcess: (name) => this.#noteProcess(name),
      vmChanged: (name) => this.#tellVm(name),
      log: (vm, text) => parts.log?.(vm, text),
    });
    this.vms = new ManagerVms({
      table: this.table,
      vms: this.#vms,
      notes: this.notes,
      waiting: this.#waiting,
      clock,
      ask: (asked, request) => this.ask(asked, [], request),
    });
    const { virtualFunctions } = parts;
    this.#acts = new Acts({
      engine,
      host,
      virtualFunctions,
      processes: this.#processes,
      vms: this.#vms,
      notes: this.notes,
      clock,
    });
    this.#watch = new InventoryWatch(
      parts,
      () => this.table,
      (event) => this.#engine.tell(event),
      { loanOf: (name) => this.#engine.loanOf(name), holderRuns: (name) => this.#holderRuns(name) },
    );
    this.#engine = new Engine(
      this.table,
      { journal, clock, vms: this.#vms },
      {
        changed: (changes, before) => this.#changed(changes, before),
        perform: (action) => this.#acts.perform(action),
        carriedOut: () => this.#lookAgain(),
        fatal: (error) => this.#fatal(error),
      },
    );
  }

  async recover(): Promise<void> {
    const found = await findVms(this.#parts.vms, [...this.table.vms()], this.#vms, this.notes);
    this.#parts.host.releaseDead();
    // Before the look: what changes meanwhile is heard afterwards.
    this.#watch.listen(this.#parts.news);
    const sightings = this.#watch.lookAtAll();
    this.#engine.ask({ kind: 'restart', sightings, liveVms: new Set(found.keys()) });
    this.#engine.waitForAll();
    for (const [name, link] of found) {
      const record = this.#vms.get(name);
      if (record !== undefined && link !== undefined) this.#processes.attach(record, link);
    }
    this.#writeKeepRules();
    reconcileVms(found, this.table, this.#engine, this.notes);
  }

  snapshot(): ManagerSnapshot {
    const functions = [...this.table.functions()].map((fn) => this.managed(fn));
    const vms = [...this.table.vms()].flatMap((vm) => managedVm(vm, this.table, this.#vms) ?? []);
    const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
    return {
      revision: this.events.revision,
      functions: functions.toSorted(byName),
      vms: vms.toSorted(byName),
      pools: [...this.pools].toSorted(),
    };
  }

  managed(fn: FunctionState): ManagedFunction {
    return managedFunction(fn, this.notes);
  }

  classOf(name: string): string | undefined {
    return this.#watch.classOf(name);
  }

  /** Looks at the virtual functions that a physical one has now and had before. */
  lookAtVirtualFunctions(physicalFunction: string): void {
    const before = this.table.virtualFunctionsOf(physicalFunction).map(({ name }) => name);
    const now = this.#parts.host.virtualFunctionsOf(physicalFunction);
    for (const name of new Set([...before, ...now])) this.#watch.lookNow(name);
  }

  /** A request to the machine. Throws HostError for its refusals, `not-an-endpoint`, `journal-unusable`. */
  ask(asked: string, functions: readonly string[], request: Request): void {
    const { refusal } = step(this.table, request, this.#parts.clock.nowMs());
    if (refusal !== undefined) {
      if (refusal.code === 'no-such-function') this.#refuseMachinery(asked, refusal.subject);
      throw refusalError(asked, refusal);
    }
    for (const name of functions) this.notes.clear(name);
    this.#engine.ask(request);
  }

  /** How functions stand at the moment when nothing is being done with them any more. Undefined: it is no more. */
  async atRest(names: readonly string[]): Promise<ReadonlyMap<string, FunctionState | undefined>> {
    const found = new Map<string, FunctionState | undefined>();
    await Promise.all(
      names.map((name) =>
        this.#waiting.until([name], () => {
          const fn = this.table.fn(name);
          if (fn !== undefined && isOnTheWay(fn)) return false;
          found.set(name, fn);
          return true;
        }),
      ),
    );
    return found;
  }

  addPool(name: string): void {
    this.#parts.journal.addPool(name);
    this.pools.add(name);
    this.#tellPools();
  }

  removePool(name: string): void {
    this.#parts.journal.removePool(name);
    this.pools.delete(name);
    this.#tellPools();
  }

  /** As it continues "0000:01:00.0 is …". */
  whereabouts(name: string): string {
    return whereaboutsOf(this.table.fn(name));
  }

  /** Throws `manager-closing` once the manager has let go. */
  async whileOpen<T>(asked: string, act: () => Promise<T>): Promise<T> {
    if (this.#engine.isClosed) throw closing(asked);
    return act();
  }

  async close(): Promise<void> {
    if (this.#engine.isClosed) return;
    this.#letGo();
    // Those who waited are told first; what they asked for stays pending in the audit.
    await new Promise((resolve) => setImmediate(resolve));
    // A later manager that meets the moves of this one would take what they do for somebody else's, or undo it.
    await this.#acts.ended();
    this.#parts.journal.close();
  }

  #letGo(): void {
    this.#engine.close();
    this.#watch.stop();
    this.#processes.close();
    this.#waiting.end(closing('go on waiting'));
  }

  #fatal(error: unknown): void {
    this.#letGo();
    this.#parts.onFatal?.(error);
  }

  #changed(
    { functions, vms }: Changes,
    before: { functions: ReadonlyMap<string, FunctionState>; vms: ReadonlyMap<string, VmState> },
  ): void {
    for (const [name, fn] of functions) {
      if (fn !== undefined) this.events.tell({ kind: 'function-changed', function: this.managed(fn) });
      else if (before.functions.has(name)) this.events.tell({ kind: 'function-removed', name });
      if (fn?.present !== false || isOnTheWay(fn)) continue;
      // It may be there again by now, or something else in its place.
      this.#watch.soon(name);
      const was = before.functions.get(name);
      if (was !== undefined && isOnTheWay(was)) this.#cameToRest.add(name);
    }
    const keptOthers = [...functions].some(([name, fn]) => isKeptNow(fn) !== isKeptNow(before.functions.get(name)));
    if (keptOthers) this.#writeKeepRules();
    for (const [name, vm] of vms) {
      if (vm !== undefined) this.#tellVm(name);
      else if (before.vms.has(name)) this.#vmEnded(name);
    }
    for (const name of functions.keys()) this.#waiting.changed(name);
    for (const name of vms.keys()) this.#waiting.changed(vmKey(name));
  }

  /** What was found again while something was being done with it is there before anybody who waited for that can ask for it. */
  #lookAgain(): void {
    const names = [...this.#cameToRest];
    this.#cameToRest.clear();
    for (const name of names) this.#watch.lookNow(name);
  }

  #holderRuns(name: string): boolean {
    const fn = this.table.fn(name);
    const vm = fn === undefined ? undefined : vmOf(fn.owner);
    const link = vm === undefined ? undefined : this.#vms.get(vm)?.link;
    return link !== undefined && !link.isStopped();
  }

  #writeKeepRules(): void {
    try {
      this.#parts.keepRules?.write(keepRules(this.table.functions()));
    } catch (error) {
      this.#parts.onProblem?.(error);
    }
  }

  #vmEnded(name: string): void {
    const end = this.#processes.takeEnd(name);
    const guestEnd = this.#vms.get(name)?.guestEnd;
    this.#vms.remove(name);
    this.events.tell({ kind: 'vm-removed', name, exitCode: end?.exitCode, guestEnd });
  }

  #noteProcess(name: string): void {
    const vm = this.table.vm(name);
    const row = vm === undefined ? undefined : this.#vms.row(vm);
    if (row === undefined || this.#engine.isClosed) return;
    this.#parts.journal.write({ functions: new Map(), vms: new Map([[name, row]]) });
  }

  #tellVm(name: string): void {
    const state = this.table.vm(name);
    const vm = state === undefined ? undefined : managedVm(state, this.table, this.#vms);
    if (vm !== undefined) this.events.tell({ kind: 'vm-changed', vm });
  }

  #tellPools(): void {
    this.events.tell({ kind: 'pools-changed', pools: [...this.pools].toSorted() });
  }

  #refuseMachinery(asked: string, name: string): void {
    if (!this.#parts.host.isMachinery(name)) return;
    throw new HostError('not-an-endpoint', {
      asked,
      obstacle: `${name} is a part of the machine itself, which no guest can drive.`,
      remedy: 'Choose a device below it: dda survey shows them.',
      details: { function: name },
    });
  }
}

function isKeptNow(fn: FunctionState | undefined): boolean {
  return fn !== undefined && isKept(fn);
}

function closing(asked: string): HostError {
  return new HostError('manager-closing', {
    asked,
    obstacle: 'the manager is about to end.',
    remedy: 'VMs run on; ask again when it runs again.',
    details: {},
  });
}
