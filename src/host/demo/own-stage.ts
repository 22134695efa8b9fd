import { readdirSync, readlinkSync } from 'node:fs';
import type { CrashReport } from '../../hyperv/index.ts';
import { type EjectOutcome, describeEnd } from '../../vm/index.ts';
import { BASE_COMMAND_LINE } from '../guest/prepare-guest.ts';
import type { VmSession } from '../lending/vm-session.ts';
import { type Borrowed, withBorrowedFunctions } from '../moves/borrow.ts';
import type { Host } from '../moves/host-facts.ts';
import { guestFailure } from '../running/guest-failure.ts';
import { highWindowsFor, startSession } from '../running/start-session.ts';
import type { DemoEvent } from './demo-events.ts';
import { readDemoImages } from './demo-images.ts';
import type { DemoStage, DemoVm, DemoVmListener } from './demo-stage.ts';
import type { DemoOptions } from './demo-options.ts';

/**
 * Shows something on this process's own stage: it borrows functions and runs the VM itself. Whatever fails, and on a signal,
 * the VM ends and what was borrowed goes back to the host's driver.
 */
export function onOwnStage<T>(
  host: Host,
  options: DemoOptions,
  tell: (event: DemoEvent) => void,
  show: (stage: DemoStage) => Promise<T>,
): Promise<T> {
  const moves: string[] = [];
  let stage: OwnStage | undefined;
  return withBorrowedFunctions(
    host,
    [],
    (borrowed) => {
      stage = new OwnStage(host, borrowed, options, tell, moves);
      return show(stage);
    },
    {
      onStep: ({ act, intent }) => {
        if (act === 'unbind' || act === 'bind') moves.push(intent);
      },
      // That the function went back is a step of the demo; out of turn it is news.
      onNotice: (text) => {
        if (stage?.isReturning !== true) tell({ event: 'notice', text });
      },
    },
  );
}

class OwnStage implements DemoStage {
  readonly #host: Host;
  readonly #borrowed: Borrowed;
  readonly #options: DemoOptions;
  readonly #tell: (event: DemoEvent) => void;
  /** How the function changed drivers since it was last told of, in words. */
  readonly #moves: string[];
  #vm: OwnVm | undefined;

  constructor(host: Host, borrowed: Borrowed, options: DemoOptions, tell: (event: DemoEvent) => void, moves: string[]) {
    this.#host = host;
    this.#borrowed = borrowed;
    this.#options = options;
    this.#tell = tell;
    this.#moves = moves;
  }

  get isReturning(): boolean {
    return this.#vm?.isReturning ?? false;
  }

  async dismount(name: string): Promise<string> {
    await this.#borrowed.borrow([name]);
    return this.#moved();
  }

  /** Throws what reading the kernel, its modules and KVM throw. */
  async boot(heard: DemoVmListener): Promise<DemoVm> {
    const { memoryBytes, cpus, deadlineMs } = this.#options;
    const { kernel, initrd } = await readDemoImages(this.#options);
    const plan = {
      machine: { commandLine: BASE_COMMAND_LINE, memoryBytes, vcpus: cpus },
      ejectDeadlineMs: deadlineMs,
      highWindows: highWindowsFor(this.#host.tree),
    };
    const session = startSession(this.#borrowed, plan, { kernel: kernel.image, initrd });
    this.#vm = new OwnVm(session, heard, this.#tell);
    return this.#vm;
  }

  async mounted(): Promise<string> {
    await this.#vm?.mounted;
    return this.#moved();
  }

  left(): Promise<string> {
    return Promise.resolve(`descriptors of KVM and VFIO still open here: ${openDescriptors()}`);
  }

  #moved(): string {
    return this.#moves.splice(0).join(', ');
  }
}

/** A VM of this process. */
class OwnVm implements DemoVm {
  readonly processId = process.pid;
  /** Resolves when the host's driver has what was ejected. */
  mounted: Promise<void> = Promise.resolve();
  isReturning = false;
  readonly #session: VmSession;

  constructor(session: VmSession, heard: DemoVmListener, tell: (event: DemoEvent) => void) {
    this.#session = session;
    const { machine } = session;
    machine.on('console', heard.console);
    machine.on('log', ({ severity, code, text }) => {
      if (severity === 'warning') tell({ event: 'notice', text: `${text} [${code}]` });
    });
    session.on('session', (event) => {
      if (event.kind === 'warning') tell({ event: 'notice', text: `${event.message} [${event.code}]` });
      if (event.kind === 'function-failed') tell({ event: 'notice', text: `${event.function}: ${event.reason}` });
    });
    let crash: CrashReport | undefined;
    machine.on('crashed', (report) => {
      crash ??= report;
    });
    session.ended.then(
      (end) => heard.ended(describeEnd(end), guestFailure('of the demo', { end, crash })),
      (error: unknown) => heard.ended('its machine failed', error instanceof Error ? error : new Error(String(error))),
    );
  }

  type(text: string): void {
    this.#session.machine.type(new TextEncoder().encode(text));
  }

  async lend(name: string): Promise<void> {
    await this.#session.add(name);
  }

  exits(): Promise<number> {
    return Promise.resolve(this.#session.machine.exitCounts().exits);
  }

  async eject(name: string, deadlineMs: number): Promise<'given' | 'taken'> {
    const { promise: answered, resolve } = Promise.withResolvers<EjectOutcome | undefined>();
    this.#session.on('session', (event) => {
      if (event.kind === 'ejected') resolve(event.outcome);
    });
    this.isReturning = true;
    this.mounted = this.#session.eject(name, deadlineMs);
    // Told to whoever awaits it; until then nobody may.
    this.mounted.catch(() => undefined);
    const outcome = await Promise.race([answered, this.mounted.then(() => answered)]);
    if (outcome === 'ejected') return 'given';
    await this.mounted;
    return 'taken';
  }

  async end(): Promise<{ readonly poweredOff: boolean; readonly how: string }> {
    const end = await this.#session.ended;
    return { poweredOff: end.kind === 'power-off', how: describeEnd(end) };
  }

  async stop(): Promise<void> {
    await this.#session.machine.stop();
  }
}

/** How many descriptors of KVM and VFIO this process has: each would keep the VM or the function alive. */
function openDescriptors(): number {
  const names = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The one that listed the directory is closed by now.
      return '';
    }
  });
  return names.filter((name) => /kvm|vfio/.test(name)).length;
}
