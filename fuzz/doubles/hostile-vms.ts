import { HostError } from '../../src/host/index.ts';
import type {
  LendOrder,
  LendOutcome,
  VmPort,
  VmProcess,
  VmProcessEnd,
  VmProcessEvent,
  VmProcessStatus,
  VmSpec,
} from '../../src/host/manager/ports.ts';
import type { ProcessMark } from '../../src/host/moves/record.ts';
import type { Probe } from '../engine/probe.ts';

/** A question that a VM process has not answered. It may never be. */
export interface Question {
  readonly of: HostileVm;
  readonly what: 'lend' | 'eject' | 'revoke' | 'stop' | 'status';
  /** As the process should, or as it likes: 0 is the plain answer. */
  readonly answer: (manner: number) => void;
  /** Only of `eject`: the process says that it is at it. */
  readonly heard: () => void;
}

/** Told of what a process really has open, whatever it says. */
export interface Holds {
  open(process: HostileVm, name: string, serial: number): void;
  /** Whether the kernel lets anybody open it. */
  isViable(name: string): boolean;
  /** It never got there. */
  neverHad(process: HostileVm, name: string): void;
}

const STRANGE = 'what nobody plans for';

/** One VM process. What it says and what it does have nothing to do with each other. */
export class HostileVm implements VmProcess {
  readonly name: string;
  readonly mark: ProcessMark;
  readonly ended: Promise<VmProcessEnd>;
  /** What it really has open. */
  readonly holds = new Set<string>();
  /** What was handed over under each number. */
  readonly serials = new Map<number, string>();
  /** The kernel keeps it from running. */
  hasStopped = false;
  isKilled = false;
  hasEnded = false;
  readonly #vms: HostileVms;
  readonly #listeners = new Set<(event: VmProcessEvent) => void>();
  readonly #end: (end: VmProcessEnd) => void;

  constructor(name: string, mark: ProcessMark, vms: HostileVms) {
    this.name = name;
    this.mark = mark;
    this.#vms = vms;
    const { promise, resolve } = Promise.withResolvers<VmProcessEnd>();
    this.ended = promise;
    this.#end = resolve;
  }

  status(): Promise<VmProcessStatus> {
    return this.#ask('status', (manner) => {
      const functions = manner === 1 ? [] : manner === 2 ? [...this.#vms.names] : [...this.holds];
      return { guest: 'running', functions, exits: manner };
    });
  }

  lend({ function: name, serial }: LendOrder): Promise<LendOutcome> {
    const error = { code: 'lend-refused', message: STRANGE };
    if (!this.#vms.holds.isViable(name)) return Promise.resolve({ outcome: 'failed', handedOver: false, error });
    const isNew = !this.hasEnded && !this.holds.has(name);
    if (isNew) this.#vms.holds.open(this, name, serial);
    return this.#ask('lend', (manner): LendOutcome => {
      if (manner === 0 || manner > 2) return { outcome: 'lent' };
      // Whether it was handed over is no word of the process, but the port's own, and true.
      const handedOver = manner === 1 || !isNew || !this.holds.has(name);
      if (!handedOver) this.#vms.holds.neverHad(this, name);
      return { outcome: 'failed', handedOver, error };
    });
  }

  eject(_name: string, _deadlineMs: number, heard: () => void): Promise<void> {
    return this.#ask('eject', () => undefined, heard);
  }

  revoke(): Promise<void> {
    return this.#ask('revoke', () => undefined);
  }

  isStopped(): boolean {
    return this.hasStopped;
  }

  stop(): Promise<void> {
    return this.#ask('stop', () => undefined);
  }

  kill(): void {
    this.isKilled = true;
  }

  type(): Promise<void> {
    return Promise.resolve();
  }

  followTrace(): void {
    // Nothing is recorded here.
  }

  listen(listener: (event: VmProcessEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  say(event: VmProcessEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** The kernel has closed all that it had open. */
  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.holds.clear();
    this.#vms.gone(this);
    this.#end({ exitCode: undefined, signal: this.isKilled ? 'SIGKILL' : 'SIGSEGV' });
  }

  #ask<T>(what: Question['what'], act: (manner: number) => T, heard: () => void = () => undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const answer = (manner: number): void => {
      if (manner === 3) reject(refusal('vm-not-answering'));
      else if (manner === 4) reject(Object.assign(new Error(STRANGE), { code: 'ENODEV' }));
      else resolve(act(manner));
    };
    this.#vms.asked({ of: this, what, answer, heard });
    void this.ended.then(() => reject(refusal('vm-gone')));
    return promise;
  }
}

/** Where the VM processes of a run come from. They outlive any manager. */
export class HostileVms implements VmPort {
  readonly processes = new Map<string, HostileVm>();
  readonly questions: Question[] = [];
  readonly starts: { readonly process: HostileVm; readonly settle: (works: boolean) => void }[] = [];
  readonly holds: Holds;
  readonly names: readonly string[];
  /** Of these a later manager can't tell whether they run. */
  readonly unfound = new Set<string>();
  readonly #probe: Probe;
  #lastId = 1000;

  constructor(probe: Probe, names: readonly string[], holds: Holds) {
    this.#probe = probe;
    this.names = names;
    this.holds = holds;
  }

  start(name: string, _spec: VmSpec, started: (mark: ProcessMark) => void): Promise<VmProcess> {
    this.#probe.check(!this.processes.has(name), () => `a second process of ${name} was started`);
    this.#lastId += 1;
    const process = new HostileVm(name, { processId: this.#lastId, startTicks: this.#lastId }, this);
    this.processes.set(name, process);
    started(process.mark);
    const { promise, resolve, reject } = Promise.withResolvers<VmProcess>();
    const settle = (works: boolean): void => {
      if (works) return resolve(process);
      process.end();
      reject(refusal('vm-gone'));
    };
    this.starts.push({ process, settle });
    return promise;
  }

  find(name: string, mark: ProcessMark | undefined): Promise<VmProcess | undefined> {
    if (this.unfound.has(name)) return Promise.reject(refusal('vm-not-answering'));
    const process = this.processes.get(name);
    const isOther = mark !== undefined && process?.mark.processId !== mark.processId;
    return Promise.resolve(isOther ? undefined : process);
  }

  asked(question: Question): void {
    this.#probe.step();
    this.questions.push(question);
  }

  gone(process: HostileVm): void {
    if (this.processes.get(process.name) === process) this.processes.delete(process.name);
  }
}

function refusal(code: 'vm-gone' | 'vm-not-answering'): HostError {
  return new HostError(code, { asked: 'ask', obstacle: 'it does not answer.', remedy: 'Stop it.', details: {} });
}
