import { StringDecoder } from 'node:string_decoder';
import { type DemoAudience, type DemoFlags, retell } from '../src/cli/index.ts';
import { readKernel } from '../src/vm/boot/index.ts';
import { join } from 'node:path';
import {
  type KernelSeries,
  REPOSITORY,
  type Rig,
  type RigCommand,
  bootRig,
  cacheDirectory,
  unpackedKernel,
} from './index.ts';

const MIB = 1024 ** 2;
const RIG_MEMORY_MIB = 4096;
/** What the rig itself needs beside the guest's memory. */
const RIG_OVERHEAD_MIB = 2048;

export interface RigDemoOptions extends DemoFlags {
  /** The guest's kernel. */
  readonly kernel: KernelSeries;
  /** Which function to lend; default: the rig's NVMe controller. */
  readonly device?: string;
}

/** Where a rig's first root port puts its device. */
const RIG_NVME = '0000:01:00.0';

/** The demo on a host of its own, which is gone afterwards. */
export class RigDemo {
  readonly #options: RigDemoOptions;
  readonly #audience: DemoAudience;
  #rig: Rig | undefined;
  #command: RigCommand | undefined;

  constructor(options: RigDemoOptions, audience: DemoAudience) {
    this.#options = options;
    this.#audience = audience;
  }

  /** What the rig's kernel has printed. */
  console(): string {
    return this.#rig?.console() ?? '';
  }

  get isBooting(): boolean {
    return this.#rig === undefined;
  }

  /** Lets the demo end in order, by this signal. */
  signal(name: string): void {
    this.#command?.signal(name);
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    await this.#rig?.stop();
  }

  /**
   * Runs it to its end, of which the audience is told, and gives the exit code.
   * @throws RigError when the rig fails, BootError when the guest's kernel can't be unpacked.
   */
  async run(): Promise<number> {
    const { memory, kernel: series } = this.#options;
    const kernel = unpackedKernel(series);
    const unpacked = join(cacheDirectory(), 'unpacked');
    // Emulated it would take many times as long.
    await readKernel(kernel.image, { unpackedDirectory: unpacked });
    const started = performance.now();
    this.#audience.event({ event: 'step-started', name: 'boot-rig' });
    const rig = await bootRig({ memoryMib: Math.max(RIG_MEMORY_MIB, Math.ceil(memory / MIB) + RIG_OVERHEAD_MIB) });
    this.#rig = rig;
    try {
      const decoder = new StringDecoder();
      let rest = '';
      let isFirst = true;
      const receive = (bytes: Uint8Array): void => {
        const lines = (rest + decoder.write(Buffer.from(bytes))).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          if (isFirst) this.#tellBooted(rig, performance.now() - started);
          isFirst = false;
          retell(line, this.#audience);
        }
      };
      this.#command = rig.start(
        [
          'node',
          '--disable-warning=ExperimentalWarning',
          join(REPOSITORY, 'src/cli/main.ts'),
          'demo',
          '--report',
          '--erase',
        ]
          .concat(['--device', this.#options.device ?? RIG_NVME, '--cpus', `${this.#options.cpus}`])
          .concat(['--memory', `${Math.ceil(memory / MIB)}M`, '--kernel', kernel.image, '--modules', kernel.modules])
          .concat(['--unpacked', unpacked]),
        { onOutput: (stream, bytes) => (stream === 'stdout' ? receive(bytes) : process.stderr.write(bytes)) },
      );
      const { exitCode } = await this.#command.ended;
      return exitCode ?? 1;
    } finally {
      await rig.stop();
    }
  }

  #tellBooted(rig: Rig, ms: number): void {
    const [, release = ''] = /^(\S*)/.exec(unpackedKernel('6.1').release) ?? [];
    this.#audience.event({
      event: 'step-ended',
      name: 'boot-rig',
      ms: Math.round(ms),
      shown: [`Linux ${release}; ${rig.deviceIds.length} NVMe controller; dda runs in it as root, from this checkout`],
    });
  }
}
