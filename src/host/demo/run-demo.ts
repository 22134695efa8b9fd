import type { Host } from '../moves/host-facts.ts';
import type { ReadinessFacts } from '../readiness/readiness.ts';
import { DemoError } from './demo-error.ts';
import type { DemoEvent, DemoResult } from './demo-events.ts';
import { surveyForDemo } from './demo-function.ts';
import type { DemoOptions } from './demo-options.ts';
import { DemoGuest, type Greeting, type GuestReads } from './demo-guest.ts';
import type { DemoStage } from './demo-stage.ts';
import { BYTES_TO_WRITE } from './guest-script.ts';
import { checksumOf, waitForDisk } from './host-disk.ts';
import { onOwnStage } from './own-stage.ts';
import { Story } from './story.ts';

/** Runs the demo on some stage, and cleans up after it whatever happens. */
export type OnStage = (show: (stage: DemoStage) => Promise<DemoResult>) => Promise<DemoResult>;

/** For the host's driver to find the disk of a controller it has back: emulated ones on a busy machine need seconds. */
const DISK_DEADLINE_MS = 60_000;

/**
 * Lends an NVMe controller of this host to a guest that writes to it, takes it back, and compares what is on its disk.
 * Whatever fails, and on a signal, the VM ends and the controller goes back to the host's driver. `onStage`: who does it; default: this process.
 *
 * @throws DemoError, HostError, BootError, and what KVM and VFIO refuse.
 */
export async function runDemo(
  host: Host,
  readiness: () => ReadinessFacts,
  options: DemoOptions,
  tell: (event: DemoEvent) => void,
  onStage: OnStage = (show) => onOwnStage(host, options, tell, show),
): Promise<DemoResult> {
  if (!options.erase) {
    throw new DemoError(
      'demo-needs-consent',
      `The demo overwrites the first ${mib(BYTES_TO_WRITE)} of the disk behind ${options.function}. If nothing on it matters, say so with --erase.`,
    );
  }
  const story = new Story(tell);
  const name = await story.step('survey', async () => surveyForDemo(host, options.function, readiness()));
  return onStage((stage) => new Demo(host, stage, options, story, tell).run(name));
}

/** One showing. */
class Demo {
  readonly #host: Host;
  readonly #stage: DemoStage;
  readonly #options: DemoOptions;
  readonly #story: Story;
  readonly #tell: (event: DemoEvent) => void;

  constructor(host: Host, stage: DemoStage, options: DemoOptions, story: Story, tell: (event: DemoEvent) => void) {
    this.#host = host;
    this.#stage = stage;
    this.#options = options;
    this.#story = story;
    this.#tell = tell;
  }

  async run(name: string): Promise<DemoResult> {
    await this.#story.step('dismount', async () => [[await this.#stage.dismount(name)], undefined]);
    const [guest, { release, cpus }] = await this.#story.step('boot-guest', async () => {
      const booted = await DemoGuest.boot(this.#stage, this.#options.deadlineMs, this.#tell);
      return [greetingLines(booted[1]), booted];
    });
    try {
      const shown = await this.#withGuest(guest, name);
      return { guestKernel: release, cpus, function: name, ...shown };
    } finally {
      await guest.stop();
    }
  }

  async #withGuest(guest: DemoGuest, name: string): Promise<Omit<DemoResult, 'guestKernel' | 'cpus' | 'function'>> {
    await this.#story.step('hot-add', async () => {
      const disk = await guest.add(name);
      return [
        [
          `reset, its DMA confined to the guest's memory, and offered: ${(disk.lentMs / 1000).toFixed(1)} s`,
          `in the guest it is PCI function ${disk.address}, driver ${disk.driver}: /dev/${disk.name}, ${mib(disk.sizeBytes)}`,
        ],
        undefined,
      ];
    });
    const written = await this.#story.step('write', async () => {
      const { bytes, sha256 } = await guest.write();
      return [[`${mib(bytes)} of random bytes, SHA-256 ${sha256.slice(0, 16)}…`], { bytes, sha256 }];
    });
    const counted = await this.#story.step('read', async () => {
      const reads = await guest.read();
      return [readLines(reads), reads];
    });
    await this.#story.step('eject', async () => {
      await guest.eject(name);
      return [
        ['asked, the guest stopped its driver and answered; its channel is rescinded, the device closed'],
        undefined,
      ];
    });
    const disk = await this.#story.step('mount', async () => {
      const [moved] = await Promise.all([this.#stage.mounted(name), guest.diskGone()]);
      const found = await waitForDisk(this.#host, name, DISK_DEADLINE_MS);
      return [[`${moved}; ${found} is there again`], found];
    });
    await this.#story.step('verify', async () => [await verify(disk, written), undefined]);
    await this.#story.step('shut-down', async () => {
      await guest.powerOff();
      return [[`it powered off by itself; ${await this.#stage.left()}`], undefined];
    });
    return {
      bytesWritten: written.bytes,
      bytesVerifiedOnHost: written.bytes,
      reads: counted.reads,
      readsMs: counted.readsMs,
      interrupts: counted.interrupts,
      userspaceExits: Math.max(counted.exits, counted.tracedByKvm ?? 0),
      exitsTracedByKvm: counted.tracedByKvm ?? null,
    };
  }
}

async function verify(disk: string, written: { readonly bytes: number; readonly sha256: string }): Promise<string[]> {
  const sha256 = await checksumOf(disk, written.bytes);
  if (sha256 !== written.sha256) {
    throw new DemoError(
      'demo-bytes-differ',
      `What the guest wrote is not on ${disk}: the guest's SHA-256 is ${written.sha256}, the host's ${sha256}.`,
    );
  }
  return [`the first ${mib(written.bytes)} of ${disk}: SHA-256 ${sha256.slice(0, 16)}…, the guest's own`];
}

function greetingLines({ release, cpus, hypervisor, vmbus }: Greeting): string[] {
  return [
    `Linux ${release} on ${cpus === 1 ? '1 CPU' : `${cpus} CPUs`}`,
    `the guest says: hypervisor ${hypervisor}, VMBus version ${vmbus}`,
  ];
}

function readLines({ reads, readsMs, interrupts, exits, tracedByKvm, windowMs }: GuestReads): string[] {
  const witness =
    tracedByKvm === undefined ? "KVM's own count is not to be had here" : `KVM's own tracepoint counted ${tracedByKvm}`;
  return [
    `${reads} reads in ${(readsMs / 1000).toFixed(2)} s, ${interrupts} interrupts from the device`,
    `exits to user space in the ${(windowMs / 1000).toFixed(1)} s around them: ${exits}; ${witness}`,
  ];
}

const mib = (bytes: number): string => `${bytes / 1024 ** 2} MiB`;
