import assert from 'node:assert/strict';
import { join } from 'node:path';
import { cacheDirectory, type KernelSeries, REPOSITORY, type Rig, unpackedKernel } from '../../rig/index.ts';
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

/** Runs tests with guests in the rig, and fails with what they printed if any of them fails. */
export async function runGuests(rig: Rig, run: GuestRun): Promise<void> {
  const kernel = unpackedKernel(run.guestKernel ?? '6.1');
  const unpacked = join(cacheDirectory(), 'unpacked');
  // Unpacking takes this machine a second and the emulated one many: it is done out here, and the rig sees the file.
  await readKernel(kernel.image, { unpackedDirectory: unpacked });
  const programs = join(REPOSITORY, 'dist/test', run.program);
  await bundle(`test/vm/in-rig/${run.program}.ts`, programs);
  const file = join(programs, `${run.program}.js`);
  const result = await rig.run(['node', '--test', '--test-reporter=tap', file], {
    timeoutMs: run.timeoutMs ?? 1_200_000,
    onOutput: (_stream, bytes) => run.onOutput?.(new TextDecoder().decode(bytes)),
    env: {
      ...run.env,
      DDA_GUEST_KERNEL: kernel.image,
      DDA_GUEST_MODULES: kernel.modules,
      DDA_UNPACKED: unpacked,
    },
  });
  assert.equal(result.exitCode, 0, `${run.program} failed in the rig:\n${result.stdout}\n${result.stderr}`);
}
