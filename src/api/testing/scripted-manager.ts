import type {
  AuditPage,
  Caller,
  FunctionSurvey,
  ManagedFunction,
  ManagedVm,
  Manager,
  ManagerEvent,
  ManagerSnapshot,
  RequestOutcome,
  VmCounters,
} from '../../host/index.ts';
import type { TraceChunk } from '../../trace/index.ts';

type Change = ManagerEvent extends infer Each
  ? Each extends ManagerEvent
    ? Omit<Each, 'revision' | 'at'>
    : never
  : never;

/** A manager that does what a test says: it tells what it was asked, and answers or refuses as it was told to. */
export class ScriptedManager implements Manager {
  /** Every request. */
  readonly asked: { readonly verb: string; readonly request: unknown; readonly by: Caller }[] = [];
  functions: ManagedFunction[] = [poolFunction('0000:01:00.0')];
  vms: ManagedVm[] = [];
  pools: string[] = ['default'];
  auditPage: AuditPage = { entries: [], next: undefined };
  surveys: FunctionSurvey[] = [];
  /** What every request waits for. */
  gate: Promise<void> = Promise.resolve();
  /** What every request is refused with. */
  refusal: Error | undefined;
  closed = false;
  /** VMs whose counters were asked for. */
  readonly countersAsked: string[] = [];
  #revision = 0;
  readonly #listeners = new Set<(event: ManagerEvent) => void>();
  readonly #consoles = new Map<string, Set<(bytes: Uint8Array) => void>>();
  readonly #traces = new Map<string, Set<(chunk: TraceChunk) => void>>();

  snapshot(): ManagerSnapshot {
    return { revision: this.#revision, functions: this.functions, vms: this.vms, pools: this.pools };
  }

  survey(names?: readonly string[]): Promise<readonly FunctionSurvey[]> {
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    return Promise.resolve(this.surveys.filter(({ fn }) => names?.includes(fn.name) ?? true));
  }

  dismount = (request: object, by: Caller): Promise<RequestOutcome> => this.#outcome('dismount', request, by);
  mount = (request: object, by: Caller): Promise<RequestOutcome> => this.#outcome('mount', request, by);
  add = (request: object, by: Caller): Promise<ManagedFunction> => this.#one('add', request, by);
  remove = (request: object, by: Caller): Promise<ManagedFunction> => this.#one('remove', request, by);
  releaseQuarantine = (request: object, by: Caller): Promise<ManagedFunction> => this.#one('release', request, by);
  stopVm = (request: object, by: Caller): Promise<RequestOutcome> => this.#outcome('stop', request, by);
  createVirtualFunctions = (request: object, by: Caller): Promise<RequestOutcome> =>
    this.#outcome('create-virtual', request, by);
  removeVirtualFunctions = (request: object, by: Caller): Promise<RequestOutcome> =>
    this.#outcome('remove-virtual', request, by);

  async createVm(request: Parameters<Manager['createVm']>[0], by: Caller): Promise<ManagedVm> {
    await this.#ask('create-vm', request, by);
    const vm: ManagedVm = {
      ...request,
      phase: 'running',
      processId: 4711,
      functions: [],
      createdAt: '2026-01-02T03:04:05.000Z',
      guestOs: undefined,
      crash: undefined,
    };
    this.vms.push(vm);
    return vm;
  }

  type(request: { readonly vm: string; readonly bytes: Uint8Array }, by: Caller): Promise<void> {
    return this.#ask('type', { vm: request.vm, text: Buffer.from(request.bytes).toString() }, by);
  }

  vmCounters(vm: string): Promise<VmCounters> {
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    this.countersAsked.push(vm);
    return Promise.resolve({ exits: 42 });
  }

  watchConsole(vm: string, listener: (bytes: Uint8Array) => void): () => void {
    if (this.refusal !== undefined) throw this.refusal;
    const listeners = this.#consoles.get(vm) ?? new Set();
    this.#consoles.set(vm, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** What a guest prints. Gives how many heard it. */
  print(vm: string, text: string): number {
    const listeners = this.#consoles.get(vm) ?? [];
    for (const listener of listeners) listener(Buffer.from(text));
    return [...listeners].length;
  }

  watchTrace(vm: string, listener: (chunk: TraceChunk) => void): () => void {
    if (this.refusal !== undefined) throw this.refusal;
    const listeners = this.#traces.get(vm) ?? new Set();
    this.#traces.set(vm, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** What a VM records. Gives how many heard it. */
  record(vm: string, chunk: TraceChunk): number {
    const listeners = this.#traces.get(vm) ?? [];
    for (const listener of listeners) listener(chunk);
    return [...listeners].length;
  }

  async createPool(request: { readonly name: string }, by: Caller): Promise<void> {
    await this.#ask('create-pool', request, by);
    this.pools.push(request.name);
  }

  async removePool(request: { readonly name: string }, by: Caller): Promise<void> {
    await this.#ask('remove-pool', request, by);
    this.pools = this.pools.filter((name) => name !== request.name);
  }

  audit(request: { readonly limit?: number; readonly before?: number } = {}): AuditPage {
    if (this.refusal !== undefined) throw this.refusal;
    return { ...this.auditPage, entries: this.auditPage.entries.slice(0, request.limit) };
  }

  on(listener: (event: ManagerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(change: Change): void {
    this.#revision += 1;
    const event = { revision: this.#revision, at: '2026-01-02T03:04:05.000Z', ...change } as ManagerEvent;
    for (const listener of this.#listeners) listener(event);
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  async #ask(verb: string, request: unknown, by: Caller): Promise<void> {
    this.asked.push({ verb, request, by });
    await this.gate;
    if (this.refusal !== undefined) throw this.refusal;
  }

  async #outcome(verb: string, request: unknown, by: Caller): Promise<RequestOutcome> {
    await this.#ask(verb, request, by);
    return { functions: this.functions, warnings: ['Its group moved along.'] };
  }

  async #one(verb: string, request: unknown, by: Caller): Promise<ManagedFunction> {
    await this.#ask(verb, request, by);
    const [first] = this.functions;
    if (first === undefined) throw new Error('this manager has no function');
    return first;
  }
}

export function poolFunction(name: string, changes: Partial<ManagedFunction> = {}): ManagedFunction {
  return {
    name,
    ids: '1b36:0010',
    group: '5',
    physicalFunction: undefined,
    resettable: 'yes',
    present: true,
    owner: { kind: 'pool', pool: 'default' },
    vm: undefined,
    untilMs: undefined,
    problem: undefined,
    ...changes,
  };
}
