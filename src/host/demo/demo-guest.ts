import type { CrashReport } from '../../hyperv/index.ts';
import { type EjectOutcome, describeEnd, guestInitrd, readKernel } from '../../vm/index.ts';
import { BASE_COMMAND_LINE } from '../guest/prepare-guest.ts';
import type { VmSession } from '../lending/vm-session.ts';
import type { Borrowed } from '../moves/borrow.ts';
import { guestFailure } from '../running/guest-failure.ts';
import { highWindowsFor, startSession } from '../running/start-session.ts';
import type { HostTree } from '../tree/host-tree.ts';
import { DemoError } from './demo-error.ts';
import type { DemoEvent } from './demo-events.ts';
import { ExitMeter, type ExitReport } from './exit-meter.ts';
import { guestScript } from './guest-script.ts';
import { GuestTalk } from './guest-talk.ts';

export interface DemoGuestOptions {
  /** A bzImage or vmlinux. */
  readonly kernelPath: string;
  /** Its `lib/modules/VERSION`. */
  readonly modulesDirectory: string;
  /** Where unpacked kernels are kept. */
  readonly unpackedDirectory?: string;
  readonly memoryBytes: number;
  readonly cpus: number;
  /** For each answer. */
  readonly deadlineMs: number;
}

/** What the guest found when it had started. */
export interface Greeting {
  readonly release: string;
  readonly cpus: number;
  readonly hypervisor: string;
  readonly vmbus: string;
}

export interface GuestDisk {
  readonly name: string;
  readonly sizeBytes: number;
  /** The function's address in the guest. */
  readonly address: string;
  readonly driver: string;
  /** Until it was offered; the rest of the time was the guest's. */
  readonly lentMs: number;
}

export interface GuestReads extends ExitReport {
  readonly reads: number;
  readonly readsMs: number;
  readonly interrupts: number;
}

/** The demo's guest: a VM whose first process is the demo's script. */
export class DemoGuest {
  readonly #session: VmSession;
  readonly #talk: GuestTalk;
  readonly #deadlineMs: number;

  private constructor(session: VmSession, deadlineMs: number, tell: (event: DemoEvent) => void) {
    this.#session = session;
    this.#deadlineMs = deadlineMs;
    const { machine } = session;
    const talk = new GuestTalk({ type: (text) => machine.type(new TextEncoder().encode(text)), deadlineMs });
    this.#talk = talk;
    machine.on('console', (bytes) => {
      const text = talk.receive(bytes, process.hrtime.bigint());
      tell({ event: 'console', text });
    });
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
      (end) =>
        talk.fail(
          guestFailure('of the demo', { end, crash }) ??
            new DemoError('demo-guest-ended', `The guest ended before its time: ${describeEnd(end)}.`),
        ),
      (error: unknown) => talk.fail(error),
    );
  }

  /** Starts it, and waits for its first words. Throws what reading the kernel, its modules and KVM throw. */
  static async boot(
    borrowed: Borrowed,
    tree: HostTree,
    options: DemoGuestOptions,
    tell: (event: DemoEvent) => void,
  ): Promise<readonly [guest: DemoGuest, greeting: Greeting]> {
    const { kernelPath, modulesDirectory, unpackedDirectory, memoryBytes, cpus } = options;
    const [kernel, initrd] = await Promise.all([
      readKernel(kernelPath, unpackedDirectory === undefined ? {} : { unpackedDirectory }),
      guestInitrd({ modulesDirectory, commandLine: BASE_COMMAND_LINE, drivers: ['nvme'], run: guestScript() }),
    ]);
    const plan = {
      machine: { commandLine: BASE_COMMAND_LINE, memoryBytes, vcpus: cpus },
      ejectDeadlineMs: options.deadlineMs,
      highWindows: highWindowsFor(tree),
    };
    const session = startSession(borrowed, plan, { kernel: kernel.image, initrd });
    const guest = new DemoGuest(session, options.deadlineMs, tell);
    try {
      return [guest, await guest.#greeting()];
    } catch (error) {
      await guest.stop();
      throw error;
    }
  }

  /** Lends it a function, and waits until it has found the disk. */
  async add(name: string): Promise<GuestDisk> {
    const started = performance.now();
    await this.#session.add(name);
    const lentMs = performance.now() - started;
    const { line } = await this.#talk.next('disk');
    return {
      name: line.part('name'),
      sizeBytes: Number(line.part('sectors')) * 512,
      address: line.part('address'),
      driver: line.part('driver'),
      lentMs,
    };
  }

  /** It writes random bytes to the start of the disk and flushes. */
  async write(): Promise<{ readonly bytes: number; readonly sha256: string }> {
    this.#talk.say('write');
    const { line } = await this.#talk.next('written');
    return { bytes: Number(line.part('bytes')), sha256: line.part('sha256') };
  }

  /** It reads, 4 KiB at a time, while exits to user space are counted. */
  async read(): Promise<GuestReads> {
    const meter = new ExitMeter(() => this.#session.machine.exitCounts().exits);
    try {
      const typedNs = process.hrtime.bigint();
      this.#talk.say('read');
      const { line, firstByteNs } = await this.#talk.next('read');
      const report = meter.report(typedNs, firstByteNs);
      if (report === undefined) {
        throw new DemoError(
          'demo-not-counted',
          'This host was too busy to count exits while the guest read. Try again when it has less to do.',
        );
      }
      return {
        ...report,
        reads: Number(line.part('count')),
        readsMs: Math.round((Number(line.part('to')) - Number(line.part('from'))) * 1000),
        interrupts: Number(line.part('interrupts')),
      };
    } finally {
      meter.close();
    }
  }

  /** Asks it for the function. Settles when nothing of the function is open any more; `mounted` when the host's driver has it. */
  async eject(name: string): Promise<{ readonly mounted: Promise<void> }> {
    const { promise: answered, resolve } = Promise.withResolvers<EjectOutcome | undefined>();
    this.#session.on('session', (event) => {
      if (event.kind === 'ejected') resolve(event.outcome);
    });
    const mounted = this.#session.eject(name, this.#deadlineMs);
    const outcome = await Promise.race([answered, mounted.then(() => answered)]);
    if (outcome === 'ejected') return { mounted };
    await mounted;
    throw new DemoError(
      'demo-not-ejected',
      `The guest was asked for ${name} and did not answer in ${this.#deadlineMs / 1000} s. It was taken away, and the host has it back.`,
    );
  }

  /** Waits until it has said that its disk is gone. */
  async diskGone(): Promise<void> {
    await this.#talk.next('gone');
  }

  /** Lets it end by itself. */
  async powerOff(): Promise<void> {
    this.#talk.say('bye');
    const end = await this.#session.ended;
    if (end.kind !== 'power-off')
      throw new DemoError('demo-guest-ended', `The guest was to power off, but ${describeEnd(end)}.`);
  }

  /** Ends it at once, if it still runs. */
  async stop(): Promise<void> {
    await this.#session.machine.stop();
  }

  async #greeting(): Promise<Greeting> {
    const release = (await this.#talk.next('kernel')).line.part('release');
    const cpus = Number((await this.#talk.next('cpus')).line.part('count'));
    const hypervisor = (await this.#talk.next('hypervisor')).line.part('name');
    const vmbus = (await this.#talk.next('vmbus')).line.part('version');
    await this.#talk.next('ready');
    return { release, cpus, hypervisor, vmbus };
  }
}
