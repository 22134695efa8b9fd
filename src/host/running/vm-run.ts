import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { CrashReport } from '../../hyperv/index.ts';
import {
  describeEnd,
  type EjectOutcome,
  type ExitCounts,
  type MachineEnd,
  type MachineLogEntry,
} from '../../vm/index.ts';
import type { ControlHandler } from '../control/control-server.ts';
import type { ControlOp, VmStatus } from '../control/protocol.ts';
import { functionName } from '../disks/disk.ts';
import { HostError } from '../errors.ts';
import type { TraceNews } from '../control/trace-source.ts';
import type { SessionEvent } from '../lending/session-events.ts';
import type { VmSession } from '../lending/vm-session.ts';
import type { Borrowed } from '../moves/borrow.ts';
import { RunTraces } from './run-traces.ts';
import { type GuestImages, type SessionPlan, startSession } from './start-session.ts';

/** How long a guest that says it crashed may go on printing before it is stopped, if it doesn't reset by itself. */
const CRASH_SETTLE_MS = 1_000;
/** From the decision that a VM ends to its end. */
const ENDING_MS = 500;

export interface VmRunRequest extends SessionPlan {
  readonly name: string;
  /** Asked for at each start, and not kept: they are in guest RAM then. */
  readonly images: () => Promise<GuestImages>;
  /** Lent from the start. */
  readonly functions: readonly string[];
  /** For `dda vm list`. */
  readonly kernelName: string;
  readonly onReset: 'stop' | 'restart';
  /** Take functions even from a host that is using them. */
  readonly force: boolean;
  readonly controlDirectory: string;
  /** Is given what passes between guest and host, from before the first start on; the run ends after it has settled. */
  readonly trace?: (news: AsyncIterable<TraceNews>) => Promise<void>;
}

/** A guest under way, for whoever sits at its console. */
export interface RunningGuest {
  type(bytes: Uint8Array): void;
}

/** What happens meanwhile. None of these may throw. */
export interface VmRunObserver {
  /** Once for each start: the first, and each after a reset. */
  started(guest: RunningGuest): void;
  console(bytes: Uint8Array): void;
  session(event: SessionEvent): void;
  log(entry: MachineLogEntry): void;
  crashed(report: CrashReport): void;
  /** For people: what was given back, and when. */
  notice(text: string): void;
  /** A step of a dismount or mount is done. */
  step(intent: string, tookMs: number): void;
}

export interface VmRunResult {
  readonly end: MachineEnd;
  readonly crash: CrashReport | undefined;
  readonly exits: ExitCounts;
  /** How often it was started anew after a reset. */
  readonly restarts: number;
}

/** One VM from its first start to its end, with what other processes ask of it meanwhile. */
export class VmRun {
  readonly #request: VmRunRequest;
  readonly #observer: VmRunObserver;
  readonly #startedAt = new Date().toISOString();
  readonly #finished = Promise.withResolvers<void>();
  /** What passes between guest and host, for whoever asks for it. */
  readonly traces = new RunTraces();
  /** What the guest has, or is to have again after a reset. */
  readonly #functions: Set<string>;
  #session: VmSession | undefined;
  #state: VmStatus['state'] = 'starting';
  #stopping = false;
  #crash: CrashReport | undefined;
  #lastEnd: MachineEnd | undefined;
  #earlierExits: ExitCounts = { exits: 0, deviceExits: 0 };

  constructor(request: VmRunRequest, observer: VmRunObserver) {
    this.#request = request;
    this.#observer = observer;
    const disks = (request.disks ?? []).flatMap(({ functions }) => functions);
    this.#functions = new Set([...disks, ...request.functions.map(functionName)]);
  }

  readonly handler: ControlHandler = {
    traces: this.traces,
    status: async () => this.#status(),
    add: async ({ function: address }) => {
      const session = this.#running(`lend ${address}`);
      const started = performance.now();
      const name = await this.#unlessGone(session, 'add', session.add(address));
      return { function: name, tookMs: performance.now() - started };
    },
    eject: async ({ function: address, deadlineMs }) => {
      const session = this.#running(`eject ${address}`);
      const started = performance.now();
      const name = functionName(address);
      // Whoever joins an eject that is under way hears how that ends.
      let outcome: EjectOutcome = 'rescinded';
      const listen = (event: SessionEvent): void => {
        if (event.kind === 'ejected' && event.function === name) outcome = event.outcome;
      };
      session.on('session', listen);
      try {
        await this.#unlessGone(session, 'eject', session.eject(name, deadlineMs));
      } finally {
        session.off('session', listen);
      }
      return { function: name, outcome, tookMs: performance.now() - started };
    },
    rescind: async ({ function: address }) => {
      const session = this.#running(`rescind ${address}`);
      const started = performance.now();
      await this.#unlessGone(session, 'rescind', session.rescind(address));
      return { function: functionName(address), tookMs: performance.now() - started };
    },
    stop: async () => {
      this.#stopping = true;
      this.#stopMachine();
      await this.#finished.promise;
      return {};
    },
  };

  finish(): void {
    this.#state = 'ending';
    const how = this.#lastEnd === undefined ? '.' : `: ${describeEnd(this.#lastEnd)}.`;
    this.traces.end(`The VM ${this.#request.name} ended${how}`);
    this.#finished.resolve();
  }

  /** One guest after the other, until one ends for good. */
  async guests(borrowed: Borrowed): Promise<VmRunResult> {
    for (let restarts = 0; ; restarts++) {
      const session = startSession(borrowed, this.#request, await this.#request.images());
      this.#session = session;
      this.#watch(session);
      this.traces.follow(session.machine);
      const end = await this.#runGuest(session, borrowed);
      this.#lastEnd = end;
      // From here on nothing more may be borrowed: what is still on loan is about to be given back.
      const again =
        end.kind === 'reset' && this.#request.onReset === 'restart' && !this.#stopping && !borrowed.signal.aborted;
      this.#state = again ? 'starting' : 'ending';
      this.#session = undefined;
      this.#addExits(session.machine.exitCounts());
      if (!again) return { end, crash: this.#crash, exits: this.#earlierExits, restarts };
      // Functions that were on their way out are told of first.
      await nextTurn();
    }
  }

  async #runGuest(session: VmSession, borrowed: Borrowed): Promise<MachineEnd> {
    if (this.#stopping) this.#stopMachine();
    this.#observer.started({
      type: (bytes) => {
        // A machine that has ended has no serial port any more.
        if (this.#session === session) session.machine.type(bytes);
      },
    });
    try {
      for (const name of [...this.#functions]) await session.add(name);
      if (this.#state === 'starting') this.#state = 'running';
    } catch (error) {
      await session.machine.stop();
      if (!this.#stopping && !borrowed.signal.aborted) throw error;
    }
    return session.ended;
  }

  #watch(session: VmSession): void {
    const { machine } = session;
    machine.on('console', (bytes) => this.#observer.console(bytes));
    machine.on('log', (entry) => this.#observer.log(entry));
    machine.on('crashed', (report) => this.#crashed(session, report));
    session.on('session', (event) => {
      if (event.kind === 'lent') this.#functions.add(event.function);
      if (event.kind === 'ejected' || event.kind === 'rescinded') this.#functions.delete(event.function);
      this.#observer.session(event);
    });
  }

  #crashed(session: VmSession, report: CrashReport): void {
    this.#observer.crashed(report);
    if (this.#crash !== undefined) return;
    this.#crash = report;
    const settled = setTimeout(() => this.#stopMachine(), CRASH_SETTLE_MS);
    const forget = (): void => clearTimeout(settled);
    session.ended.then(forget, forget);
  }

  #stopMachine(): void {
    // How it ends, well or badly, is what `ended` tells.
    this.#session?.machine.stop().catch(() => undefined);
  }

  /** Throws HostError `vm-not-ready`. */
  #running(asked: string): VmSession {
    if (this.#state === 'running' && this.#session !== undefined && !this.#stopping) return this.#session;
    throw new HostError('vm-not-ready', {
      asked,
      obstacle: `the VM ${this.#request.name} is ${this.#state === 'starting' && !this.#stopping ? 'only just starting' : 'about to end'}.`,
      remedy: 'See how it stands with: dda vm list',
      details: { name: this.#request.name },
    });
  }

  /** What fails because the VM ended under it is told as that. */
  async #unlessGone<T>(session: VmSession, op: ControlOp, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const gone = session.ended.then(
        () => true,
        () => true,
      );
      const late = sleep(ENDING_MS, false, { ref: false });
      if (error instanceof HostError || !(await Promise.race([gone, late]))) throw error;
      throw new HostError(
        'vm-gone',
        {
          asked: `${op} on ${this.#request.name}`,
          obstacle: 'the VM ended meanwhile.',
          remedy: 'What it had borrowed is given back to the host.',
          details: { name: this.#request.name },
        },
        { cause: error },
      );
    }
  }

  #status(): VmStatus {
    return {
      name: this.#request.name,
      processId: process.pid,
      state: this.#stopping ? 'ending' : this.#state,
      startedAt: this.#startedAt,
      kernel: this.#request.kernelName,
      memoryBytes: this.#request.machine.memoryBytes,
      vcpus: this.#request.machine.vcpus,
      functions: [...(this.#session?.functions ?? [])],
      exits: this.#earlierExits.exits + (this.#session?.machine.exitCounts().exits ?? 0),
    };
  }

  #addExits({ exits, deviceExits }: ExitCounts): void {
    this.#earlierExits = {
      exits: this.#earlierExits.exits + exits,
      deviceExits: this.#earlierExits.deviceExits + deviceExits,
    };
  }
}
