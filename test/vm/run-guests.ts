import assert from 'node:assert/strict';
import { join } from 'node:path';
import {
  bootRig,
  cacheDirectory,
  type KernelSeries,
  REPOSITORY,
  type Rig,
  type RigOptions,
  unpackedKernel,
} from '../../rig/index.ts';
import { bundle } from '../../scripts/bundle.ts';
import { readKernel } from '../../src/vm/index.ts';

export interface GuestRun {
  /** `in-rig/<program>.ts`, itself a file of tests. */
  readonly program: string;
  /** The guest's kernel. */
  readonly guestKernel?: KernelSeries;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Hears what the program prints, as it comes. */
  readonly onOutput?: (text: string) => void;
}

/** A rig from which nothing comes for so long stands still, whatever runs in it: a shell there speaks every few seconds. */
const STILL_MS = 120_000;
const BEAT = 'while :; do echo beat; sleep 5; done';

/**
 * Nothing comes from the rig any more, not even from a shell that has nothing to do with the test. Seen a few times with two-vCPU
 * guests; why is not known, so each time it is told on standard error.
 */
export class RigStandsStillError extends Error {
  override readonly name = 'RigStandsStillError';
}

/** Runs `work` in a rig of its own, and once more in a new one if the first stands still. */
export async function inOwnRig(options: RigOptions, work: (rig: Rig) => Promise<void>): Promise<void> {
  try {
    await using rig = await bootRig(options);
    await work(rig);
  } catch (error) {
    if (!(error instanceof RigStandsStillError)) throw error;
    process.stderr.write(`${error.message} Once more, in a new one.\n`);
    await using rig = await bootRig(options);
    await work(rig);
  }
}

/** Runs tests with guests in the rig, and fails with what they printed if any of them fails. */
export async function runGuests(rig: Rig, run: GuestRun): Promise<void> {
  const kernel = unpackedKernel(run.guestKernel ?? '6.1');
  const unpacked = join(cacheDirectory(), 'unpacked');
  // Unpacking takes this machine a second and the emulated one many: it is done out here, and the rig sees the file.
  await readKernel(kernel.image, { unpackedDirectory: unpacked });
  const programs = join(REPOSITORY, 'dist/test', run.program);
  await bundle(`test/vm/in-rig/${run.program}.ts`, programs);
  const file = join(programs, `${run.program}.js`);
  const work = rig.run(['node', '--test', '--test-reporter=tap', file], {
    timeoutMs: run.timeoutMs ?? 1_200_000,
    onOutput: (_stream, bytes) => run.onOutput?.(new TextDecoder().decode(bytes)),
    env: {
      ...run.env,
      DDA_GUEST_KERNEL: kernel.image,
      DDA_GUEST_MODULES: kernel.modules,
      DDA_UNPACKED: unpacked,
    },
  });
  const result = await whileItBeats(rig, work);
  assert.equal(result.exitCode, 0, `${run.program} failed in the rig:\n${result.stdout}\n${result.stderr}`);
}

async function whileItBeats<T>(rig: Rig, work: Promise<T>): Promise<T> {
  let heardAt = performance.now();
  const beat = rig.start(['sh', '-c', BEAT], {
    onOutput: () => {
      heardAt = performance.now();
    },
  });
  // It ends with the rig, or by the signal below.
  beat.ended.catch(() => undefined);
  const still = Promise.withResolvers<never>();
  const watch = setInterval(() => {
    if (performance.now() - heardAt < STILL_MS) return;
    still.reject(new RigStandsStillError(`The rig has said nothing for ${STILL_MS / 1000} s: it stands still.`));
  }, 1_000);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, still.promise]);
  } finally {
    clearInterval(watch);
    beat.signal('SIGKILL');
  }
}
