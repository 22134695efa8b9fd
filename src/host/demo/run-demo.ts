import { readdirSync, readlinkSync } from 'node:fs';
import { type Borrowed, withBorrowedFunctions } from '../moves/borrow.ts';
import type { Host } from '../moves/host-facts.ts';
import type { ReadinessFacts } from '../readiness/readiness.ts';
import { DemoError } from './demo-error.ts';
import type { DemoEvent, DemoResult } from './demo-events.ts';
import { surveyForDemo } from './demo-function.ts';
import { DemoGuest, type DemoGuestOptions, type Greeting, type GuestReads } from './demo-guest.ts';
import { BYTES_TO_WRITE } from './guest-script.ts';
import { checksumOf, waitForDisk } from './host-disk.ts';
import { Story } from './story.ts';

export interface DemoOptions extends DemoGuestOptions {
  /** Address of an NVMe controller that the host can spare. */
  readonly function: string;
  /** Whether the start of its disk may be overwritten. */
  readonly erase: boolean;
}

/** For the host's driver to find the disk of a controller it has back: emulated ones on a busy machine need seconds. */
const DISK_DEADLINE_MS = 60_000;

/**
 * Lends an NVMe controller of this host to a guest that writes to it, takes it back, and compares what is on its disk.
 * Whatever fails, and on a signal, the VM ends and the controller goes back to the host's driver.
 *
 * @throws DemoError, HostError, BootError, and what KVM and VFIO refuse.
 */
export async function runDemo(
  host: Host,
  readiness: () => ReadinessFacts,
  options: DemoOptions,
  tell: (event: DemoEvent) => void,
): Promise<DemoResult> {
  if (!options.erase) {
    throw new DemoError(
      'demo-needs-consent',
      `The demo overwrites the first ${mib(BYTES_TO_WRITE)} of the disk behind ${options.function}. If nothing on it matters, say so with --erase.`,
    );
  }
  const demo = new Demo(host, options, tell);
  return demo.run(readiness());
}

/** One showing. */
class Demo {
  readonly #host: Host;
  readonly #options: DemoOptions;
  readonly #tell: (event: DemoEvent) => void;
  readonly #story: Story;
  /** How the function changed drivers since it was last told of, in words. */
  readonly #moves: string[] = [];
  #isReturning = false;

  constructor(host: Host, options: DemoOptions, tell: (event: DemoEvent) => void) {
    this.#host = host;
    this.#options = options;
    this.#tell = tell;
    this.#story = new Story(tell);
  }

  async run(readiness: ReadinessFacts): Promise<DemoResult> {
    const name = await this.#story.step('survey', async () =>
      surveyForDemo(this.#host, this.#options.function, readiness),
    );
    return withBorrowedFunctions(this.#host, [], (borrowed) => this.#withFunction(borrowed, name), {
      onStep: ({ act, intent }) => {
        if (act === 'unbind' || act === 'bind') this.#moves.push(intent);
      },
      // That the function went back is a step of its own; out of turn it is news.
      onNotice: (text) => {
        if (!this.#isReturning) this.#tell({ event: 'notice', text });
      },
    });
  }

  async #withFunction(borrowed: Borrowed, name: string): Promise<DemoResult> {
    await this.#story.step('dismount', async () => {
      await borrowed.borrow([name]);
      return [[this.#moves.splice(0).join(', ')], undefined];
    });
    const [guest, { release, cpus }] = await this.#story.step('boot-guest', async () => {
      const booted = await DemoGuest.boot(borrowed, this.#host.tree, this.#options, this.#tell);
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
    this.#isReturning = true;
    const mounted = await this.#story.step('eject', async () => [
      ['asked, the guest stopped its driver and answered; its channel is rescinded, the device closed'],
      await guest.eject(name),
    ]);
    const disk = await this.#story.step('mount', async () => {
      await Promise.all([mounted.mounted, guest.diskGone()]);
      const found = await waitForDisk(this.#host, name, DISK_DEADLINE_MS);
      return [[`${this.#moves.splice(0).join(', ')}; ${found} is there again`], found];
    });
    await this.#story.step('verify', async () => [await verify(disk, written), undefined]);
    await this.#story.step('shut-down', async () => {
      await guest.powerOff();
      return [
        [`it powered off by itself; descriptors of KVM and VFIO still open here: ${openDescriptors()}`],
        undefined,
      ];
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
