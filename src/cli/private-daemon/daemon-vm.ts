import type { DaemonClient, EventJson, VmJson } from '../../api/index.ts';
import { type GuestEnd, decodeCrash } from '../../host/index.ts';
import type { ConsoleObserver } from '../commands/console-run.ts';
import type { DaemonWatch } from './daemon-watch.ts';

/** As in `dda vm run` without a daemon: so long a guest that says that it crashed may go on printing, if it doesn't end by itself. */
const CRASH_SETTLE_MS = 1_000;

/** What is told meanwhile. */
export type DaemonVmObserver = Pick<ConsoleObserver, 'console' | 'crashed'>;

/** One VM of a daemon, as who sits at its console sees it. */
export class DaemonVm {
  readonly name: string;
  readonly #daemon: DaemonClient;
  readonly #watch: DaemonWatch;
  readonly #observer: DaemonVmObserver;
  readonly #leave = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  #printing: Promise<void> | undefined;
  #printed: { readonly error: unknown } | undefined;
  #typing: Promise<void> = Promise.resolve();
  #crash: ReturnType<typeof decodeCrash>;
  #crashTimer: NodeJS.Timeout | undefined;
  #end: { readonly guest: GuestEnd | undefined } | undefined;

  constructor(name: string, daemon: DaemonClient, watch: DaemonWatch, observer: DaemonVmObserver) {
    this.name = name;
    this.#daemon = daemon;
    this.#watch = watch;
    this.#observer = observer;
  }

  /** The guest's own report, when its kernel panicked. */
  get crash(): ReturnType<typeof decodeCrash> {
    return this.#crash;
  }

  /** An event of the daemon. */
  heard(event: EventJson): void {
    if (event.kind === 'vm-changed' && event.vm.name === this.name) {
      // The daemon knows it, and its process is not up yet: nothing of what it prints is missed.
      this.#printing ??= this.#print();
      this.#sawCrash(event.vm);
    }
    if (event.kind === 'vm-removed' && event.name === this.name) this.#end = { guest: event.guestEnd ?? undefined };
  }

  /** Resolves when its process runs and its console is followed. Throws what the daemon refuses. */
  async start(spec: VmJson['spec']): Promise<VmJson> {
    const vm = await this.#daemon.ask(this.#daemon.routes.vms.$post({ json: { name: this.name, spec } }));
    this.#printing ??= this.#print();
    await this.#opened.promise;
    return vm;
  }

  /** In order, and as fast as the daemon takes it. */
  type(bytes: Uint8Array): void {
    const copy = new Uint8Array(bytes);
    // What is typed while the VM ends is for nobody.
    this.#typing = this.#typing.then(() => this.#daemon.type(this.name, copy)).catch(() => undefined);
  }

  /** Ends it. Resolves when its functions are home. */
  async stop(): Promise<void> {
    if (this.#end !== undefined) return;
    await this.#daemon.ask(this.#daemon.routes.vms[':vm'].stop.$post({ param: { vm: this.name }, json: {} }));
  }

  /** Resolves when it has ended and all that it printed is told. Undefined: it ended without a word. */
  async ended(): Promise<GuestEnd | undefined> {
    await this.#watch.until(() => this.#end !== undefined);
    await this.#printing;
    clearTimeout(this.#crashTimer);
    if (this.#printed !== undefined) throw this.#printed.error;
    return this.#end?.guest;
  }

  /** Leaves it alone. */
  close(): void {
    clearTimeout(this.#crashTimer);
    this.#leave.abort();
  }

  #sawCrash(vm: VmJson): void {
    const report = decodeCrash(vm.crash);
    if (report === undefined || this.#crash !== undefined) return;
    this.#crash = report;
    this.#observer.crashed(report);
    // How it ends is told by its events.
    this.#crashTimer = setTimeout(() => void this.stop().catch(() => undefined), CRASH_SETTLE_MS);
  }

  async #print(): Promise<void> {
    try {
      const output = await this.#daemon.console(this.name, this.#leave.signal);
      this.#opened.resolve();
      for await (const bytes of output) this.#observer.console(bytes);
    } catch (error) {
      // One that has ended already has no console; how it ended is told.
      if (!this.#leave.signal.aborted && this.#end === undefined) this.#printed = { error };
    } finally {
      this.#opened.resolve();
    }
  }
}
