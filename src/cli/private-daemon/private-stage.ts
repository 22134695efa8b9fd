import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { EventJson } from '../../api/index.ts';
import {
  BASE_COMMAND_LINE,
  BORROWED_POOL,
  type DemoEvent,
  type DemoOptions,
  type DemoStage,
  type DemoVm,
  type DemoVmListener,
  type Host,
  type OnStage,
  readDemoImages,
  reportedGuestFailure,
  windowSizesFor,
} from '../../host/index.ts';
import { borrow } from './borrow.ts';
import { DaemonVm } from './daemon-vm.ts';
import { DaemonWatch } from './daemon-watch.ts';
import type { PrivateDaemon } from './private-daemon.ts';
import { withPrivateDaemon } from './with-private-daemon.ts';

const VM_NAME = 'demo';

/** The demo's stage in a daemon of the command's own: the guest runs in a process without privileges, as the VMs of `dda serve` do. */
export const onPrivateStage =
  (command: readonly string[], host: Host, options: DemoOptions, tell: (event: DemoEvent) => void): OnStage =>
  (show) => {
    let stage: PrivateStage | undefined;
    return withPrivateDaemon(
      command,
      (text) => tell({ event: 'notice', text }),
      async (daemon, ending) => {
        stage = new PrivateStage(daemon, host, options, tell);
        await stage.open();
        const stop = (): void => void stage?.stop();
        ending.addEventListener('abort', stop);
        try {
          return await show(stage);
        } finally {
          ending.removeEventListener('abort', stop);
        }
      },
      () => stage?.close(),
    );
  };

class PrivateStage implements DemoStage {
  readonly #daemon: PrivateDaemon;
  readonly #host: Host;
  readonly #options: DemoOptions;
  readonly #tell: (event: DemoEvent) => void;
  readonly #problems = new Set<string>();
  #watch: DaemonWatch | undefined;
  #vm: DaemonVm | undefined;

  constructor(daemon: PrivateDaemon, host: Host, options: DemoOptions, tell: (event: DemoEvent) => void) {
    this.#daemon = daemon;
    this.#host = host;
    this.#options = options;
    this.#tell = tell;
  }

  /** Its watch, from its first event on. */
  async open(): Promise<void> {
    this.#watch = await DaemonWatch.open(this.#daemon.client, (event) => this.#heard(event));
  }

  async dismount(name: string): Promise<string> {
    const watch = this.#openWatch();
    const wasThere = watch.functions.get(name)?.state === 'pool';
    for (const text of await borrow(this.#daemon, watch, [name], false)) this.#tell({ event: 'notice', text });
    return wasThere
      ? `${name} was dismounted before`
      : `the daemon took ${name} from its driver, and keeps it in pool ${BORROWED_POOL}`;
  }

  async boot(heard: DemoVmListener): Promise<DemoVm> {
    const { client, places } = this.#daemon;
    const { kernel, initrd } = await readDemoImages(this.#options);
    await writeFile(places.initramfs, initrd, { mode: 0o600 });
    const vm = new DaemonVm(VM_NAME, client, this.#openWatch(), { console: heard.console, crashed: () => undefined });
    this.#vm = vm;
    const { processId } = await vm.start({
      kernel: resolve(kernel.path),
      initramfs: places.initramfs,
      commandLine: BASE_COMMAND_LINE,
      memoryBytes: this.#options.memoryBytes,
      cpuCount: this.#options.cpus,
      highWindowBytes: windowSizesFor(this.#host.tree),
    });
    vm.ended().then(
      (end) =>
        heard.ended(
          end?.detail ?? 'its process ended without a word',
          reportedGuestFailure('of the demo', end, vm.crash),
        ),
      (error: unknown) => heard.ended('its daemon is gone', error instanceof Error ? error : new Error(String(error))),
    );
    if (processId === null) throw new Error('a VM that runs has no process');
    return new PrivateVm(this.#daemon, this.#openWatch(), vm, processId);
  }

  async mounted(name: string): Promise<string> {
    const { client } = this.#daemon;
    await client.ask(client.routes.mount.$post({ json: { functions: [name] } }));
    return `the daemon gave ${name} back to its driver`;
  }

  async left(): Promise<string> {
    const { client } = this.#daemon;
    const { vms } = await client.ask(client.routes.vms.$get());
    return `VM processes of the daemon that still run: ${vms.length}`;
  }

  /** Because the command is ended: the daemon then brings everything home. */
  async stop(): Promise<void> {
    // How it ends is told by its events.
    await this.#vm?.stop().catch(() => undefined);
  }

  close(): void {
    this.#vm?.close();
    this.#watch?.close();
  }

  #heard(event: EventJson): void {
    this.#vm?.heard(event);
    if (event.kind !== 'function-changed') return;
    const { problem } = event.function;
    if (problem === null || this.#problems.has(problem.message)) return;
    this.#problems.add(problem.message);
    this.#tell({ event: 'notice', text: problem.message });
  }

  #openWatch(): DaemonWatch {
    if (this.#watch === undefined) throw new Error('the daemon is not watched yet');
    return this.#watch;
  }
}

class PrivateVm implements DemoVm {
  readonly processId: number;
  readonly #daemon: PrivateDaemon;
  readonly #watch: DaemonWatch;
  readonly #vm: DaemonVm;

  constructor(daemon: PrivateDaemon, watch: DaemonWatch, vm: DaemonVm, processId: number) {
    this.#daemon = daemon;
    this.#watch = watch;
    this.#vm = vm;
    this.processId = processId;
  }

  type(text: string): void {
    this.#vm.type(new TextEncoder().encode(text));
  }

  async lend(name: string): Promise<void> {
    const { client } = this.#daemon;
    const { loans } = client.routes.vms[':vm'];
    await client.ask(loans.$post({ param: { vm: this.#vm.name }, json: { function: name } }));
  }

  async exits(): Promise<number> {
    const { client } = this.#daemon;
    const { counters } = client.routes.vms[':vm'];
    const { exits } = await client.ask(counters.$get({ param: { vm: this.#vm.name } }));
    return exits;
  }

  async eject(name: string, deadlineMs: number): Promise<'given' | 'taken'> {
    const { client } = this.#daemon;
    const loan = client.routes.vms[':vm'].loans[':function'];
    let outcome: 'given' | 'taken' = 'given';
    // A guest that is no longer asked has not answered.
    const gone = this.#watch.until(() => {
      const fn = this.#watch.functions.get(name);
      if (fn?.returnPhase === 'revoking' || fn?.returnPhase === 'ending') outcome = 'taken';
      return fn?.vm !== this.#vm.name;
    });
    // Told below, unless the request itself fails before.
    gone.catch(() => undefined);
    const query = { deadlineMs: String(deadlineMs), to: 'pool' as const };
    const fn = await client.ask(loan.$delete({ param: { vm: this.#vm.name, function: name }, query }));
    if (fn.state !== 'pool') throw new Error(fn.problem?.message ?? `${name} is in state ${fn.state}, not in its pool`);
    // Its events come by another connection than the answer, which may be here first.
    await gone;
    return outcome;
  }

  async end(): Promise<{ readonly poweredOff: boolean; readonly how: string }> {
    const end = await this.#vm.ended();
    return { poweredOff: end?.how === 'power-off', how: end?.detail ?? 'its process ended without a word' };
  }

  stop(): Promise<void> {
    return this.#vm.stop();
  }
}
