import { HostError } from '../errors.ts';
import { checkVmName } from '../control/vm-names.ts';
import type { TraceChunk } from '../../trace/index.ts';
import type { AuditPage, Caller } from '../journal/audit.ts';
import type { Journalled } from '../journal/journal.ts';
import { canonicalName } from '../moves/move.ts';
import { DEFAULT_DEADLINE_MS } from '../ownership/bounds.ts';
import type { Request } from '../ownership/events.ts';
import type { FunctionState } from '../ownership/owner.ts';
import { step } from '../ownership/step.ts';
import type { FunctionSurvey } from '../survey/survey.ts';
import type { WantedVirtualFunctions } from './host-port.ts';
import { defaultPool } from './look.ts';
import { ManagerCore } from './manager-core.ts';
import type {
  AddRequest,
  CreateVirtualFunctionsRequest,
  DismountRequest,
  ManagedFunction,
  ManagedVm,
  Manager,
  ManagerEvent,
  ManagerSnapshot,
  RemoveRequest,
  RequestOutcome,
  VmCounters,
} from './manager.ts';
import type { ManagerParts } from './manager-parts.ts';
import type { VmSpec } from './ports.ts';
import { audited, canonicalNames, checkDeadline, checkPoolName } from './requests.ts';

const mostAuditEntries = 1_000;
const usualAuditEntries = 100;

/** The requests of the manager, each as: check, ask the machine, wait until what it moved has come to rest, tell. */
export class PlugAndPlay implements Manager {
  readonly #core: ManagerCore;
  readonly #parts: ManagerParts;

  constructor(parts: ManagerParts, journalled: Journalled) {
    this.#parts = parts;
    this.#core = new ManagerCore(parts, journalled);
  }

  /** Meets what can be seen, finds the VMs again, and finishes what was begun. Throws HostError `journal-unusable`. */
  recover(): Promise<void> {
    return this.#core.recover();
  }

  snapshot(): ManagerSnapshot {
    return this.#core.snapshot();
  }

  async survey(names?: readonly string[]): Promise<readonly FunctionSurvey[]> {
    return this.#parts.host.survey(names === undefined ? undefined : canonicalNames(names));
  }

  dismount({ functions, pool = defaultPool, force = false }: DismountRequest, by: Caller): Promise<RequestOutcome> {
    return this.#request('dismount', { functions, pool, force }, by, async (asked) => {
      const names = canonicalNames(functions);
      this.#needPool(asked, pool);
      const all = this.#withGroups(names);
      this.#ask(asked, all, { kind: 'dismount', functions: names, pool, force });
      const after = await this.#core.atRest(all);
      for (const [name, fn] of after) if (fn?.owner.kind !== 'pool') throw this.#failure(asked, name);
      return this.#outcome(names, all, after);
    });
  }

  mount({ functions }: { readonly functions: readonly string[] }, by: Caller): Promise<RequestOutcome> {
    return this.#request('mount', { functions }, by, async (asked) => {
      const names = canonicalNames(functions);
      const all = this.#withGroups(names);
      this.#ask(asked, all, { kind: 'mount', functions: names });
      const after = await this.#core.atRest(all);
      for (const [name, fn] of after) {
        if (fn !== undefined && fn.owner.kind !== 'host') throw this.#failure(asked, name);
      }
      return this.#outcome(names, all, after);
    });
  }

  add(request: AddRequest, by: Caller): Promise<ManagedFunction> {
    const { vm, function: wanted } = request;
    return this.#request('add', { vm, function: wanted }, by, async (asked) => {
      const name = typeof wanted === 'string' ? canonicalName(wanted) : this.#pick(asked, vm, wanted);
      this.#ask(asked, [name], { kind: 'assign', vm, function: name });
      const fn = (await this.#core.atRest([name])).get(name);
      if (fn?.owner.kind === 'lent' && fn.owner.vm === vm) return this.#core.managed(fn);
      throw this.#lendFailure(asked, name, vm);
    });
  }

  remove(request: RemoveRequest, by: Caller): Promise<ManagedFunction> {
    const { vm, function: wanted, deadlineMs = DEFAULT_DEADLINE_MS, to = 'pool' } = request;
    return this.#request('remove', { vm, function: wanted, deadlineMs, to }, by, async (asked) => {
      const name = canonicalName(wanted);
      checkDeadline(asked, deadlineMs);
      this.#ask(asked, [name], { kind: 'remove', vm, function: name, deadlineMs, to });
      const before = this.#core.table.fn(name);
      const after = (await this.#core.atRest([name])).get(name);
      if (after !== undefined) return this.#core.managed(after);
      if (before === undefined) throw this.#failure(asked, name);
      // It was to go to the host, and was unplugged on the way there.
      return this.#core.managed({ ...before, present: false, owner: { kind: 'host' } });
    });
  }

  releaseQuarantine(
    { function: wanted, force = false }: { readonly function: string; readonly force?: boolean },
    by: Caller,
  ): Promise<ManagedFunction> {
    return this.#request('release-quarantine', { function: wanted, force }, by, async (asked) => {
      const name = canonicalName(wanted);
      this.#ask(asked, [name], { kind: 'release', function: name, reset: !force });
      const fn = (await this.#core.atRest([name])).get(name);
      if (fn?.owner.kind !== 'pool') throw this.#failure(asked, name);
      return this.#core.managed(fn);
    });
  }

  createVm({ name, spec }: { readonly name: string; readonly spec: VmSpec }, by: Caller): Promise<ManagedVm> {
    return this.#request('create-vm', { name, spec }, by, async (asked) => {
      checkVmName(name);
      this.#core.vms.create(asked, name, spec);
      return this.#core.vms.up(asked, name);
    });
  }

  stopVm(
    { name, force = false }: { readonly name: string; readonly force?: boolean },
    by: Caller,
  ): Promise<RequestOutcome> {
    return this.#request('stop-vm', { name, force }, by, async (asked) => {
      const functions = this.#core.table.functionsOf(name).map((fn) => fn.name);
      this.#ask(asked, functions, { kind: 'stop-vm', vm: name, force });
      await this.#core.vms.down(asked, name);
      const after = await this.#core.atRest(functions);
      return this.#outcome(functions, functions, after);
    });
  }

  vmCounters(vm: string): Promise<VmCounters> {
    return this.#core.vms.counters(`tell what ${vm} counts`, vm);
  }

  type({ vm, bytes }: { readonly vm: string; readonly bytes: Uint8Array }, by: Caller): Promise<void> {
    // What is typed may be a password.
    return this.#request('type', { vm, sizeBytes: bytes.length }, by, (asked) => this.#core.vms.type(asked, vm, bytes));
  }

  watchConsole(vm: string, listener: (bytes: Uint8Array) => void): () => void {
    return this.#core.vms.watchConsole(`watch the console of ${vm}`, vm, listener);
  }

  watchTrace(vm: string, listener: (chunk: TraceChunk) => void): () => void {
    return this.#core.vms.watchTrace(`trace ${vm}`, vm, listener);
  }

  createVirtualFunctions(request: CreateVirtualFunctionsRequest, by: Caller): Promise<RequestOutcome> {
    const { physicalFunction, count, settings = [], drivenBy = 'host' } = request;
    const wanted = { count, settings, drivenBy };
    return this.#request('create-virtual-functions', { physicalFunction, ...wanted }, by, (asked) =>
      this.#shape(asked, physicalFunction, wanted),
    );
  }

  removeVirtualFunctions(
    { physicalFunction }: { readonly physicalFunction: string },
    by: Caller,
  ): Promise<RequestOutcome> {
    return this.#request('remove-virtual-functions', { physicalFunction }, by, (asked) =>
      this.#shape(asked, physicalFunction, { count: 0, settings: [], drivenBy: 'host' }),
    );
  }

  createPool({ name }: { readonly name: string }, by: Caller): Promise<void> {
    return this.#request('create-pool', { name }, by, async (asked) => {
      checkPoolName(asked, name);
      if (this.#core.pools.has(name)) {
        throw new HostError('pool-name-taken', {
          asked,
          obstacle: `there is a pool ${name} already.`,
          remedy: 'Choose another name.',
          details: { pool: name },
        });
      }
      this.#core.addPool(name);
    });
  }

  removePool({ name }: { readonly name: string }, by: Caller): Promise<void> {
    return this.#request('remove-pool', { name }, by, async (asked) => {
      this.#needPool(asked, name);
      const inside = [...this.#core.table.functions()].filter(({ owner }) => 'pool' in owner && owner.pool === name);
      if (inside.length > 0 || name === defaultPool) {
        throw new HostError('pool-not-empty', {
          asked,
          obstacle:
            inside.length > 0
              ? `${inside.map((fn) => fn.name).join(', ')} belong to it.`
              : 'it is the one for functions that are given no other.',
          remedy: 'Dismount them into another pool, or mount them.',
          details: { pool: name, functions: inside.map((fn) => fn.name) },
        });
      }
      this.#core.removePool(name);
    });
  }

  audit({ limit = usualAuditEntries, before }: { readonly limit?: number; readonly before?: number } = {}): AuditPage {
    const most = Math.max(1, Math.min(Math.trunc(limit), mostAuditEntries));
    return this.#parts.journal.audit(most, before);
  }

  on(listener: (event: ManagerEvent) => void): () => void {
    return this.#core.events.on(listener);
  }

  close(): Promise<void> {
    return this.#core.close();
  }

  #request<T>(
    what: string,
    target: Readonly<Record<string, unknown>>,
    by: Caller,
    act: (asked: string) => Promise<T>,
  ): Promise<T> {
    const asked = describe(what, target);
    const { journal, clock } = this.#parts;
    const told = (entry: AuditPage['entries'][number]): void => this.#core.events.tell({ kind: 'audit', entry });
    return this.#core.whileOpen(asked, () => audited({ journal, clock, told }, { what, target, by }, () => act(asked)));
  }

  #ask(asked: string, functions: readonly string[], request: Request): void {
    this.#core.ask(asked, functions, request);
  }

  async #shape(
    asked: string,
    named: string,
    { count, settings, drivenBy }: WantedVirtualFunctions,
  ): Promise<RequestOutcome> {
    const name = canonicalName(named);
    this.#ask(asked, [name], { kind: 'reshape', function: name, virtualFunctions: count, settings, drivenBy });
    await this.#core.atRest([name]);
    this.#core.lookAtVirtualFunctions(name);
    const problem = this.#core.notes.errorOf(name);
    if (problem !== undefined) throw this.#failure(asked, name);
    const functions = this.#core.table.virtualFunctionsOf(name).map((fn) => this.#core.managed(fn));
    return { functions, warnings: [] };
  }

  /** The first of a pool, by address, that could go to that VM. Throws `nothing-free`, `no-such-pool`. */
  #pick(asked: string, vm: string, { pool, class: wantedClass = '' }: { pool: string; class?: string }): string {
    this.#needPool(asked, pool);
    const { table } = this.#core;
    const names = [...table.functions()]
      .filter(({ owner, present }) => present && owner.kind === 'pool' && owner.pool === pool)
      .map(({ name }) => name)
      .filter((name) => this.#core.classOf(name)?.startsWith(wantedClass) === true)
      .toSorted();
    for (const name of names) {
      const { refusal } = step(table, { kind: 'assign', vm, function: name }, this.#parts.clock.nowMs());
      if (refusal === undefined) return name;
      // What is wrong with the VM is wrong with every function.
      if (refusal.code === 'no-such-vm' || refusal.code === 'vm-not-ready') return name;
    }
    throw new HostError('nothing-free', {
      asked,
      obstacle: `pool ${pool} has no free function${wantedClass === '' ? '' : ` of class ${wantedClass}`}.`,
      remedy: 'See who has them with: dda list',
      details: { pool, class: wantedClass },
    });
  }

  #needPool(asked: string, pool: string): void {
    if (this.#core.pools.has(pool)) return;
    throw new HostError('no-such-pool', {
      asked,
      obstacle: `there is no pool ${pool}.`,
      remedy: `There is ${[...this.#core.pools].join(', ')}; make another with: dda pool create ${pool}`,
      details: { pool },
    });
  }

  /** With all functions of their IOMMU groups that are in the host. */
  #withGroups(names: readonly string[]): string[] {
    const { table } = this.#core;
    const all = new Set(names);
    for (const name of names) {
      const group = table.fn(name)?.group;
      if (group === undefined) continue;
      for (const mate of table.members(group)) if (mate.present && mate.owner.kind !== 'quarantine') all.add(mate.name);
    }
    return [...all];
  }

  #outcome(
    named: readonly string[],
    all: readonly string[],
    after: ReadonlyMap<string, FunctionState | undefined>,
  ): RequestOutcome {
    const along = all.filter((name) => !named.includes(name));
    const warnings = this.#core.notes.warningsOf(all);
    if (along.length > 0) warnings.push(`${along.join(', ')} moved along, being in the same IOMMU group.`);
    // As they were asked for, not as they came to rest.
    const functions = all
      .map((name) => after.get(name))
      .flatMap((fn) => (fn === undefined ? [] : [this.#core.managed(fn)]));
    return { functions, warnings };
  }

  /** What went wrong with it, in its own words. */
  #failure(asked: string, name: string): unknown {
    const problem = this.#core.notes.errorOf(name);
    if (problem instanceof HostError) return problem;
    return new HostError(
      'driver-change-failed',
      {
        asked,
        obstacle: `${name} is ${this.#core.whereabouts(name)}.${problem instanceof Error ? ` ${problem.message}` : ''}`,
        remedy: 'See how it stands with: dda list',
        details: { function: name },
      },
      { cause: problem },
    );
  }

  #lendFailure(asked: string, name: string, vm: string): unknown {
    const problem = this.#core.notes.errorOf(name);
    if (problem instanceof HostError) return problem;
    const isGone = this.#core.table.vm(vm) === undefined;
    const said = problem instanceof Error ? problem.message : 'the VM process did not say why';
    return new HostError(
      isGone ? 'vm-gone' : 'lend-refused',
      {
        asked,
        obstacle: isGone ? `the VM ${vm} ended meanwhile.` : `${said}.`.replace('..', '.'),
        remedy: `${name} is ${this.#core.whereabouts(name)}.`,
        details: { function: name, vm },
      },
      { cause: problem },
    );
  }
}

/** Continues "Can't …". */
function describe(what: string, target: Readonly<Record<string, unknown>>): string {
  const { functions, function: fn, vm, name, physicalFunction } = target;
  const verb = what.replaceAll('-', ' ');
  const named = Array.isArray(functions) ? functions.join(' ') : (fn ?? name ?? physicalFunction ?? '');
  const subject = typeof named === 'string' ? named : JSON.stringify(named);
  const text = `${verb} ${subject}`.trim();
  if (typeof vm !== 'string') return text;
  return what === 'add' ? `${text} to ${vm}` : what === 'remove' ? `${text} from ${vm}` : `${text} ${vm}`;
}
