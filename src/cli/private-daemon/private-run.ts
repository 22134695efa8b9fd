import type { EventJson, ManagedFunctionJson, VmJson } from '../../api/index.ts';
import type { GuestEnd, decodeCrash } from '../../host/index.ts';
import type { ConsoleObserver } from '../commands/console-run.ts';
import { whereabouts } from '../daemon/function-words.ts';
import { borrow } from './borrow.ts';
import { DaemonVm } from './daemon-vm.ts';
import { DaemonWatch } from './daemon-watch.ts';
import type { PrivateDaemon } from './private-daemon.ts';
import { withPrivateDaemon } from './with-private-daemon.ts';
import type { PrivatePlaces } from './places.ts';

export interface PrivateRunRequest {
  readonly name: string;
  /** Lent from the start, by full names. */
  readonly functions: readonly string[];
  readonly spec: (places: PrivatePlaces) => Promise<VmJson['spec']>;
  readonly onReset: 'stop' | 'restart';
  readonly force: boolean;
}

export interface PrivateRunResult {
  /** Undefined: its process ended without a word. */
  readonly end: GuestEnd | undefined;
  readonly crash: ReturnType<typeof decodeCrash>;
  readonly restarts: number;
}

/**
 * Runs a VM to its end in a daemon of this command's own, as {@link withPrivateDaemon}. Throws also what the daemon refuses.
 */
export function runPrivately(
  command: readonly string[],
  request: PrivateRunRequest,
  observer: ConsoleObserver,
): Promise<PrivateRunResult> {
  let run: PrivateRun | undefined;
  return withPrivateDaemon(
    command,
    (text) => observer.notice(text),
    (daemon, ending) => {
      run = new PrivateRun(daemon, request, observer, ending);
      return run.guests();
    },
    () => run?.close(),
  );
}

class PrivateRun {
  readonly #daemon: PrivateDaemon;
  readonly #request: PrivateRunRequest;
  readonly #observer: ConsoleObserver;
  readonly #ending: AbortSignal;
  /** Functions that have moved, as they were told of last. */
  readonly #told = new Map<string, ManagedFunctionJson>();
  #watch: DaemonWatch | undefined;
  #vm: DaemonVm | undefined;

  constructor(daemon: PrivateDaemon, request: PrivateRunRequest, observer: ConsoleObserver, ending: AbortSignal) {
    this.#daemon = daemon;
    this.#request = request;
    this.#observer = observer;
    this.#ending = ending;
  }

  /** One guest after the other, until one ends for good. */
  async guests(): Promise<PrivateRunResult> {
    const { client, places } = this.#daemon;
    const stop = (): void => void this.#vm?.stop().catch(() => undefined);
    this.#ending.addEventListener('abort', stop);
    try {
      const watch = await DaemonWatch.open(client, (event) => this.#heard(event));
      this.#watch = watch;
      const spec = await this.#request.spec(places);
      const { functions, force } = this.#request;
      for (const text of await borrow(this.#daemon, watch, functions, force)) this.#observer.warning(text);
      for (let restarts = 0; ; restarts += 1) {
        this.#ending.throwIfAborted();
        const vm = new DaemonVm(this.#request.name, client, watch, this.#observer);
        this.#vm = vm;
        const end = await this.#guest(vm, spec);
        const again = end?.how === 'reset' && this.#request.onReset === 'restart' && !this.#ending.aborted;
        if (!again) return { end, crash: vm.crash, restarts };
        // What didn't come to the pool is refused with the reason when it is to be lent again.
        await watch.until(() => this.#request.functions.every((name) => isAtRest(watch.functions.get(name))));
      }
    } finally {
      this.#ending.removeEventListener('abort', stop);
    }
  }

  close(): void {
    this.#vm?.close();
    this.#watch?.close();
  }

  async #guest(vm: DaemonVm, spec: VmJson['spec']): Promise<GuestEnd | undefined> {
    await vm.start(spec);
    if (this.#ending.aborted) await vm.stop();
    this.#observer.started(vm);
    const ended = vm.ended();
    ended.catch(() => undefined);
    const { client } = this.#daemon;
    const loans = client.routes.vms[':vm'].loans;
    try {
      for (const name of this.#request.functions) {
        const began = performance.now();
        this.#ending.throwIfAborted();
        await client.ask(loans.$post({ param: { vm: vm.name }, json: { function: name } }));
        this.#observer.session({ kind: 'lent', function: name, tookMs: performance.now() - began });
      }
    } catch (error) {
      await vm.stop();
      if (!this.#ending.aborted) throw error;
    }
    return ended;
  }

  #heard(event: EventJson): void {
    this.#vm?.heard(event);
    if (event.kind === 'function-changed') this.#tell(event.function);
  }

  /** Of what has come to rest elsewhere than with the guest. */
  #tell(fn: ManagedFunctionJson): void {
    const before = this.#told.get(fn.name);
    this.#told.set(fn.name, fn);
    if (fn.problem !== null && fn.problem.message !== before?.problem?.message) {
      this.#observer.warning(fn.problem.message);
    }
    if (fn.state === before?.state) return;
    if (fn.state === 'host' && before !== undefined) this.#observer.notice(`Gave ${fn.name} back to the host.`);
    if (fn.state === 'quarantine') this.#observer.notice(`${fn.name} ${whereabouts(fn)}`);
  }
}

const resting: ReadonlySet<ManagedFunctionJson['state']> = new Set(['host', 'pool', 'quarantine']);

/** Nothing is being done with it, or it is no more. All else has a bound. */
function isAtRest(fn: ManagedFunctionJson | undefined): boolean {
  return fn === undefined || resting.has(fn.state);
}
