import { HostError } from '../errors.ts';
import { ReportedError } from '../error-report.ts';
import type { Action } from '../ownership/actions.ts';
import type { Finding, OwnershipEvent } from '../ownership/events.ts';
import { rehearseReturn } from '../ownership/rehearse-return.ts';
import type { Engine } from './engine.ts';
import type { HostPort, VirtualFunctionsPort } from './host-port.ts';
import type { Notes } from './notes.ts';
import type { ClockPort } from './ports.ts';
import type { VmProcesses } from './vm-processes.ts';
import type { VmRegistry } from './vm-registry.ts';

/** A guest that has less time than this isn't kept waiting by a rehearsal. */
const rehearsalMs = 1_000;

/** After these nobody knows where a function is. */
const whereaboutsUnknown: ReadonlySet<string> = new Set(['driver-change-stuck', 'operation-stuck', 'undo-failed']);

export interface ActsContext {
  readonly engine: () => Engine;
  readonly host: HostPort;
  readonly virtualFunctions: VirtualFunctionsPort;
  readonly processes: VmProcesses;
  readonly vms: VmRegistry;
  readonly notes: Notes;
  readonly clock: ClockPort;
}

/** Does what the machine wants done, everything at the same time, and tells the machine how it ended. */
export class Acts {
  readonly #context: ActsContext;
  /** What changes drivers or shapes, by function, until it has settled. Never rejects. */
  readonly #underWay = new Map<string, Promise<void>>();
  /** What the host is asked to do: moves, new shapes, looks at who has something open. */
  readonly #atHost = new Set<Promise<unknown>>();

  constructor(context: ActsContext) {
    this.#context = context;
  }

  /** Resolves when the host has nothing of it in hand any more, which is not for ever. */
  async ended(): Promise<void> {
    while (this.#atHost.size > 0) await Promise.allSettled(this.#atHost);
  }

  perform(action: Action): void {
    const { processes, host } = this.#context;
    switch (action.act) {
      case 'dismount':
        return this.#move(action.functions, () => host.dismount(action.functions, action));
      case 'mount':
        return this.#move(action.functions, () => host.mount(action.functions));
      case 'forget':
        for (const name of action.functions) host.forget(name);
        return;
      case 'reshape':
        return this.#reshape(action);
      case 'verify':
        return this.#verify(action.functions, action.reset);
      case 'lend':
        return this.#lend(action);
      case 'ask':
        return this.#ask(action);
      case 'revoke':
        return this.#revoke(action);
      case 'start-vm':
        return processes.start(action.vm);
      case 'stop-vm':
        return processes.stop(action.vm);
      case 'kill-vm':
        return processes.kill(action.vm);
    }
  }

  #move(functions: readonly string[], act: () => Promise<{ readonly warnings: readonly string[] }>): void {
    const { notes } = this.#context;
    const current = this.#entriesOf(functions);
    this.#inTurn(functions, async () => (current().length > 0 ? act() : { warnings: [] })).then(
      ({ warnings }) => {
        for (const name of functions) notes.warn(name, warnings);
        this.#tell({ kind: 'moved', functions: current() });
      },
      (error: unknown) => {
        for (const name of functions) notes.problem(name, error);
        // A bug in dda is no reason to believe that all went well.
        const stuck = !(error instanceof HostError) || whereaboutsUnknown.has(error.code);
        this.#tell({ kind: 'move-failed', functions: current(), stuck });
      },
    );
  }

  #reshape(action: Action & { act: 'reshape' }): void {
    const { virtualFunctions, notes } = this.#context;
    const { function: name, virtualFunctions: count, settings, drivenBy } = action;
    const current = this.#entriesOf([name]);
    this.#inTurn([name], () => virtualFunctions.shape(name, { count, settings, drivenBy }))
      .catch((error: unknown) => notes.problem(name, error))
      .then(() => {
        for (const each of current()) this.#tell({ kind: 'reshaped', function: each });
      }, bug);
  }

  /**
   * A function that is unplugged and found again while it is being moved is to be moved anew, and the earlier move still has
   * its group: the later one waits, which is not for ever, as each gives up a kernel that does not answer.
   */
  #inTurn<T>(functions: readonly string[], act: () => Promise<T>): Promise<T> {
    const earlier = functions.flatMap((name) => this.#underWay.get(name) ?? []);
    const done = this.#byHost(earlier.length === 0 ? later(act) : Promise.all(earlier).then(act));
    const forget = (): void => {
      for (const name of functions) if (this.#underWay.get(name) === settled) this.#underWay.delete(name);
    };
    const settled: Promise<void> = done.then(forget, forget);
    for (const name of functions) this.#underWay.set(name, settled);
    return done;
  }

  #byHost<T>(act: Promise<T>): Promise<T> {
    this.#atHost.add(act);
    const forget = (): boolean => this.#atHost.delete(act);
    act.then(forget, forget);
    return act;
  }

  #verify(functions: readonly string[], reset: boolean): void {
    const { host, notes } = this.#context;
    const current = this.#entriesOf(functions);
    this.#byHost(later(() => host.verify(functions, reset)))
      .then((verified) => {
        const findings = new Map<string, Finding>();
        for (const [name, { finding, detail }] of verified) {
          findings.set(name, finding);
          if (detail !== undefined) notes.problem(name, new ReportedError({ code: finding, message: detail }));
        }
        return findings;
      })
      .catch((error: unknown) => {
        for (const name of functions) notes.problem(name, error);
        return new Map(functions.map((name): [string, Finding] => [name, 'stuck']));
      })
      .then((findings) => {
        const still = new Set(current());
        this.#tell({ kind: 'verified', findings: new Map([...findings].filter(([name]) => still.has(name))) });
      }, bug);
  }

  #lend({ vm, function: name, groupIsOpen }: Action & { act: 'lend' }): void {
    const { engine, vms, host, notes } = this.#context;
    const look = host.lookAt(name);
    const isCurrent = this.#loanOf(name);
    const link = vms.get(vm)?.link;
    if (link === undefined || look?.groupNode === undefined) {
      // An earlier manager may have handed it over to a process that can't be reached now.
      const kind = link === undefined ? 'wanted-now' : 'not-handed-over';
      // Not now: whoever asks must have had its answer first.
      later(async () => undefined).then(() => {
        if (isCurrent()) this.#tell({ kind, vm, function: name });
      }, bug);
      return;
    }
    const { groupNode, deviceNode, numaNode } = look;
    const order = { function: name, serial: engine().serialOf(name), numaNode, groupNode, deviceNode, groupIsOpen };
    later(() => link.lend(order)).then(
      (outcome) => {
        if (!isCurrent()) return;
        if (outcome.outcome === 'lent') return this.#tell({ kind: 'lent', vm, function: name });
        notes.problem(name, new ReportedError(outcome.error));
        this.#tell({ kind: outcome.handedOver ? 'let-go' : 'not-handed-over', vm, function: name });
      },
      (error: unknown) => {
        if (!isCurrent()) return;
        notes.problem(name, error);
        this.#tell({ kind: 'wanted-now', vm, function: name });
      },
    );
  }

  #ask({ vm, function: name, untilMs }: Action & { act: 'ask' }): void {
    const { vms, clock, notes } = this.#context;
    const isCurrent = this.#loanOf(name);
    if (untilMs - clock.nowMs() >= rehearsalMs) this.#rehearse(name);
    const heard = (): void => {
      if (isCurrent()) this.#tell({ kind: 'heard', vm, function: name });
    };
    later(async () => vms.get(vm)?.link?.eject(name, Math.max(0, Math.round(untilMs - clock.nowMs())), heard)).then(
      () => {
        if (isCurrent()) this.#tell({ kind: 'let-go', vm, function: name });
      },
      // The deadline, or the end of the process, goes on from here.
      (error: unknown) => noteUnlessGone(notes, name, error),
    );
  }

  /** What is to be done when the guest has had its time, so that it is done fast then. */
  #rehearse(name: string): void {
    const { host } = this.#context;
    later(async () => {
      rehearseReturn(this.#context.engine().table, name);
      await host.rehearse([name]);
    }).catch((error: unknown) => {
      // What stands in the way of the real one is told by that.
      if (!(error instanceof HostError)) bug(error);
    });
  }

  #revoke({ vm, function: name }: Action & { act: 'revoke' }): void {
    const { vms, notes } = this.#context;
    const isCurrent = this.#loanOf(name);
    const revoked = async (): Promise<void> => {
      const link = vms.get(vm)?.link;
      // Whoever waits for the function need not wait for a process that can't hear.
      if (link?.isStopped() === true) this.#tell({ kind: 'vm-stopped', vm });
      await link?.revoke(name);
    };
    later(revoked).then(
      () => {
        if (isCurrent()) this.#tell({ kind: 'let-go', vm, function: name });
      },
      (error: unknown) => noteUnlessGone(notes, name, error),
    );
  }

  #tell(event: OwnershipEvent): void {
    this.#context.engine().tell(event);
  }

  /** Gives those of the functions that are still in the state that they are in now. */
  #entriesOf(functions: readonly string[]): () => string[] {
    const engine = this.#context.engine();
    const entries = new Map(functions.map((name) => [name, engine.entryOf(name)]));
    return () => functions.filter((name) => engine.entryOf(name) === entries.get(name));
  }

  /** Whether it is still the same loan. */
  #loanOf(name: string): () => boolean {
    const engine = this.#context.engine();
    const loan = engine.loanOf(name);
    return () => engine.loanOf(name) === loan;
  }
}

/** An act begins when the machine has finished its step, whatever it throws. */
function later<T>(act: () => Promise<T>): Promise<T> {
  return Promise.resolve().then(act);
}

/** The end of a VM process is the release of what it had: nothing went wrong with that. */
function noteUnlessGone(notes: Notes, name: string, error: unknown): void {
  if (!(error instanceof HostError) || error.code !== 'vm-gone') notes.problem(name, error);
}

/** What comes here is a defect in this file: it must be seen. */
function bug(error: unknown): never {
  throw error;
}
