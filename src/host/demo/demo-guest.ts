import { DemoError } from './demo-error.ts';
import type { DemoEvent } from './demo-events.ts';
import type { DemoStage, DemoVm } from './demo-stage.ts';
import { ExitMeter, type ExitReport } from './exit-meter.ts';
import { GuestTalk } from './guest-talk.ts';

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
  readonly #vm: DemoVm;
  readonly #talk: GuestTalk;
  readonly #deadlineMs: number;

  private constructor(vm: DemoVm, talk: GuestTalk, deadlineMs: number) {
    this.#vm = vm;
    this.#talk = talk;
    this.#deadlineMs = deadlineMs;
  }

  /** Starts it, and waits for its first words; each answer of the guest has `deadlineMs`. Throws what the stage throws, and DemoError. */
  static async boot(
    stage: DemoStage,
    deadlineMs: number,
    tell: (event: DemoEvent) => void,
  ): Promise<readonly [guest: DemoGuest, greeting: Greeting]> {
    const talk = new GuestTalk({ deadlineMs });
    const vm = await stage.boot({
      console: (bytes) => tell({ event: 'console', text: talk.receive(bytes, process.hrtime.bigint()) }),
      ended: (how, failure) =>
        talk.fail(failure ?? new DemoError('demo-guest-ended', `The guest ended before its time: ${how}.`)),
    });
    const guest = new DemoGuest(vm, talk, deadlineMs);
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
    await this.#vm.lend(name);
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
    this.#say('write');
    const { line } = await this.#talk.next('written');
    return { bytes: Number(line.part('bytes')), sha256: line.part('sha256') };
  }

  /** It reads, 4 KiB at a time, while exits to user space are counted. */
  async read(): Promise<GuestReads> {
    const meter = new ExitMeter(this.#vm.processId, () => this.#vm.exits());
    try {
      const typedNs = process.hrtime.bigint();
      this.#say('read');
      const { line, firstByteNs } = await this.#talk.next('read');
      const report = await meter.report(typedNs, firstByteNs);
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

  /** Asks it for the function. Resolves when nothing of the function is open any more. */
  async eject(name: string): Promise<void> {
    if ((await this.#vm.eject(name, this.#deadlineMs)) === 'given') return;
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
    this.#say('bye');
    const { poweredOff, how } = await this.#vm.end();
    if (!poweredOff) throw new DemoError('demo-guest-ended', `The guest was to power off, but ${how}.`);
  }

  /** Ends it at once, if it still runs. */
  async stop(): Promise<void> {
    await this.#vm.stop();
  }

  /** A word that the script waits for. */
  #say(word: string): void {
    this.#vm.type(`${word}\n`);
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
