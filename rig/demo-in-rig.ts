import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { type DemoAudience, type DemoFlags, retell } from '../src/cli/index.ts';
import { type KernelSeries, REPOSITORY, type Rig, type RigCommand, RigError, RigErrorCode, bootRig } from './index.ts';
import { type UnpackedKernel, startableKernel, unpackedKernel } from './kernels.ts';
import { bundleProduct } from '../scripts/bundle.ts';

const MIB = 1024 ** 2;
const RIG_KERNEL = '6.1';
const RIG_MEMORY_MIB = 4096;
/** What the rig itself needs beside the guest's memory. */
const RIG_OVERHEAD_MIB = 2048;
/** Where the rig's first root port puts its NVMe controller. */
const RIG_NVME = '0000:01:00.0';

export interface RigDemoOptions extends DemoFlags {
  /** The guest's kernel. */
  readonly kernel: KernelSeries;
  /** Which function of the rig to lend; default: its NVMe controller. */
  readonly device?: string;
}

/** The working tree's program in few files, as the package ships it: emulated, finding several hundred takes its time. */
const PROGRAM = join(REPOSITORY, 'dist/cli');

/** The demo on a host in QEMU, which starts for it and is gone afterwards. */
export class RigDemo {
  readonly #options: RigDemoOptions;
  readonly #audience: DemoAudience;
  #rig: Rig | undefined;
  #command: RigCommand | undefined;
  #started = 0;
  #isHostUp = false;
  #isOver = false;

  constructor(options: RigDemoOptions, audience: DemoAudience) {
    this.#options = options;
    this.#audience = audience;
  }

  /** What the host's kernel has printed. */
  console(): string {
    return this.#rig?.console() ?? '';
  }

  /** Lets the demo end in order, by this signal. False: there is nothing yet that could hear it. */
  signal(name: string): boolean {
    this.#command?.signal(name);
    return this.#command !== undefined;
  }

  /**
   * Runs it to its end, of which the audience hears from the demo itself. Gives the exit code.
   * @throws RigError when the host fails, or the demo ended without a word; BootError when the guest's kernel is broken.
   */
  async run(): Promise<number> {
    const kernel = unpackedKernel(this.#options.kernel);
    // Emulated, unpacking it would take many times as long.
    const image = await startableKernel(kernel);
    await bundleProduct(PROGRAM);
    this.#started = performance.now();
    this.#audience.event({ event: 'step-started', name: 'boot-rig' });
    const memoryMib = Math.max(RIG_MEMORY_MIB, Math.ceil(this.#options.memory / MIB) + RIG_OVERHEAD_MIB);
    const rig = await bootRig({ kernel: RIG_KERNEL, memoryMib });
    this.#rig = rig;
    try {
      const hear = lineSplitter((line) => this.#hear(line));
      this.#command = rig.start(this.#commandLine(kernel, image), {
        onOutput: (stream, bytes) => (stream === 'stdout' ? hear(bytes) : process.stderr.write(bytes)),
      });
      const { exitCode, signal } = await this.#command.ended;
      if (this.#isOver) return exitCode ?? 1;
      throw new RigError(
        RigErrorCode.died,
        `The demo's program in the rig ended without a word (${signal ?? `exit code ${exitCode}`}).`,
      );
    } finally {
      await rig.stop();
    }
  }

  #commandLine(kernel: UnpackedKernel, image: string): string[] {
    const { cpus, memory, device = RIG_NVME } = this.#options;
    return [
      'node',
      '--disable-warning=ExperimentalWarning',
      join(PROGRAM, 'main.js'),
      'demo',
      '--report',
      '--erase',
      '--device',
      device,
    ].concat([
      '--cpus',
      `${cpus}`,
      '--memory',
      `${Math.ceil(memory / MIB)}M`,
      '--kernel',
      image,
      '--modules',
      kernel.modules,
      ...(this.#options.privateDaemon === true ? ['--private-daemon'] : []),
    ]);
  }

  #hear(line: string): void {
    if (!this.#isHostUp) {
      this.#isHostUp = true;
      this.#audience.event({
        event: 'step-ended',
        name: 'boot-rig',
        ms: Math.round(performance.now() - this.#started),
        shown: [`Linux ${unpackedKernel(RIG_KERNEL).release}; dda runs in it as root, from this checkout`],
      });
    }
    this.#isOver = retell(line, this.#audience);
  }
}

function lineSplitter(take: (line: string) => void): (bytes: Uint8Array) => void {
  const decoder = new StringDecoder();
  let rest = '';
  return (bytes) => {
    const lines = (rest + decoder.write(Buffer.from(bytes))).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  };
}
