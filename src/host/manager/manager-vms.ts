import { HostError } from '../errors.ts';
import type { TraceChunk } from '../../trace/index.ts';
import type { Request } from '../ownership/events.ts';
import type { OwnershipTable } from '../ownership/world.ts';
import type { ManagedVm, VmCounters } from './manager.ts';
import type { Notes } from './notes.ts';
import type { ClockPort, VmSpec } from './ports.ts';
import { refusalError } from './refusal-text.ts';
import { managedVm } from './view.ts';
import { vmKey } from './vm-processes.ts';
import type { VmRegistry } from './vm-registry.ts';
import type { Waiting } from './waiting.ts';

/** For a question that a VM process answers from its memory. */
const ANSWER_MS = 2_000;

export interface ManagerVmsContext {
  readonly table: OwnershipTable;
  readonly vms: VmRegistry;
  readonly notes: Notes;
  readonly waiting: Waiting;
  readonly clock: ClockPort;
  /** A request to the machine. Throws HostError for its refusals. */
  readonly ask: (asked: string, request: Request) => void;
}

/** What is asked of VMs beside their functions: to be there, to end, to be typed to and looked at. */
export class ManagerVms {
  readonly #context: ManagerVmsContext;

  constructor(context: ManagerVmsContext) {
    this.#context = context;
  }

  create(asked: string, name: string, spec: VmSpec): void {
    const isNew = this.#context.table.vm(name) === undefined;
    this.#context.notes.clear(vmKey(name));
    if (isNew) this.#context.vms.add(name, spec, new Date(this.#context.clock.nowMs()).toISOString());
    try {
      this.#context.ask(asked, { kind: 'create-vm', vm: name });
    } catch (error) {
      if (isNew) this.#context.vms.remove(name);
      throw error;
    }
  }

  /** Resolves when the VM's process runs. Throws what kept it from doing so. */
  async up(asked: string, name: string): Promise<ManagedVm> {
    let up: ManagedVm | undefined;
    await this.#context.waiting.until([vmKey(name)], () => {
      const vm = this.#context.table.vm(name);
      if (vm?.phase === 'starting') return false;
      up = vm?.phase === 'running' ? managedVm(vm, this.#context.table, this.#context.vms) : undefined;
      return true;
    });
    if (up !== undefined) return up;
    throw (
      this.#context.notes.errorOf(vmKey(name)) ??
      new HostError('vm-gone', {
        asked,
        obstacle: `the process of ${name} ended, or was stopped, before it ran.`,
        remedy: 'Look at what it said in the log.',
        details: { vm: name },
      })
    );
  }

  /** Resolves when the VM's process has ended. Throws `vm-not-answering` where not even the kernel can end it. */
  async down(asked: string, name: string): Promise<void> {
    const isUnkillable = (): boolean => this.#context.table.vm(name)?.phase === 'unkillable';
    await this.#context.waiting.until(
      [vmKey(name)],
      () => this.#context.table.vm(name) === undefined || isUnkillable(),
    );
    if (!isUnkillable()) return;
    throw new HostError('vm-not-answering', {
      asked,
      obstacle: `the kernel has not ended process ${this.#context.vms.get(name)?.process?.processId} of it, though it was killed.`,
      remedy: 'What it held is in quarantine until it ends; dmesg may say what it is blocked on.',
      details: { vm: name, functions: this.#context.table.functionsOf(name).map((fn) => fn.name) },
    });
  }

  async counters(asked: string, name: string): Promise<VmCounters> {
    const link = this.#context.vms.get(name)?.link;
    if (link === undefined) throw this.#noConnection(asked, name);
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const cancel = this.#context.clock.after(ANSWER_MS, () =>
      reject(
        new HostError('vm-not-answering', {
          asked,
          obstacle: `the process of ${name} has not answered for ${ANSWER_MS / 1000} s.`,
          remedy: 'It may be stopped, or its host very busy: try again.',
          details: { vm: name },
        }),
      ),
    );
    try {
      const { exits } = await Promise.race([link.status(), tooLate]);
      return { exits };
    } finally {
      cancel();
    }
  }

  async type(asked: string, name: string, bytes: Uint8Array): Promise<void> {
    const link = this.#context.vms.get(name)?.link;
    if (link === undefined) throw this.#noConnection(asked, name);
    await link.type(bytes);
  }

  watchConsole(asked: string, name: string, listener: (bytes: Uint8Array) => void): () => void {
    const record = this.#context.vms.get(name);
    if (record === undefined) throw this.#noConnection(asked, name);
    record.consoleWatchers.add(listener);
    return () => record.consoleWatchers.delete(listener);
  }

  /** The VM records while anybody watches. */
  watchTrace(asked: string, name: string, listener: (chunk: TraceChunk) => void): () => void {
    const record = this.#context.vms.get(name);
    if (record === undefined) throw this.#noConnection(asked, name);
    const follow = (): void => record.link?.followTrace(record.traceWatchers.size > 0);
    record.traceWatchers.add(listener);
    follow();
    return () => {
      record.traceWatchers.delete(listener);
      follow();
    };
  }

  #noConnection(asked: string, name: string): HostError {
    if (this.#context.table.vm(name) === undefined)
      return refusalError(asked, { code: 'no-such-vm', subject: name, because: undefined });
    return refusalError(asked, { code: 'vm-not-ready', subject: name, because: undefined });
  }
}
