import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  cacheDirectory,
  type KernelSeries,
  REPOSITORY,
  type Rig,
  type RunResult,
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
const STILL_MS = 60_000;
const BEAT = 'while :; do echo beat; sleep 5; done';

/** Runs tests with guests in the rig, and fails with what they printed if any of them fails. */
export async function runGuests(rig: Rig, run: GuestRun): Promise<void> {
  const kernel = unpackedKernel(run.guestKernel ?? '6.1');
  const unpacked = join(cacheDirectory(), 'unpacked');
  // Unpacking takes this machine a second and the emulated one many: it is done out here, and the rig sees the file.
  await readKernel(kernel.image, { unpackedDirectory: unpacked });
  // One of its own: another file of tests may be running the same program.
  const programs = join(REPOSITORY, 'dist/test', `${run.program}-${process.pid}`);
  await bundle(`test/vm/in-rig/${run.program}.ts`, programs);
  const file = join(programs, `${run.program}.js`);
  let printed = '';
  const work = rig.run(['node', '--test', '--test-isolation=none', '--test-reporter=tap', file], {
    timeoutMs: run.timeoutMs ?? 1_200_000,
    onOutput: (_stream, bytes) => {
      const text = new TextDecoder().decode(bytes);
      printed += text;
      run.onOutput?.(text);
    },
    env: {
      ...run.env,
      DDA_GUEST_KERNEL: kernel.image,
      DDA_GUEST_MODULES: kernel.modules,
      DDA_UNPACKED: unpacked,
    },
  });
  const result = await whileItBeats(rig, work, () => printed).finally(() => rmSync(programs, { recursive: true }));
  assert.equal(result.exitCode, 0, `${run.program} failed in the rig:\n${result.stdout}\n${result.stderr}`);
}

/** Waits for the work, and fails with all that there is to see of the rig when not even a shell in it speaks any more. */
async function whileItBeats(rig: Rig, work: Promise<RunResult>, printed: () => string): Promise<RunResult> {
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
    clearInterval(watch);
    describeStandstill(rig, printed()).then((text) => still.reject(new Error(text)), still.reject);
  }, 1_000);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, still.promise]);
  } finally {
    clearInterval(watch);
    beat.signal('SIGKILL');
  }
}

async function describeStandstill(rig: Rig, printed: string): Promise<string> {
  const before = rig.console();
  const seen = await rig.describe();
  const woken = await Promise.race([rig.run(['true']).then(() => true), sleep(20_000, false, { ref: false })]);
  return [
    `The rig has said nothing for ${STILL_MS / 1000} s: it stands still. ${woken ? 'It takes commands again now.' : 'It takes no command either.'}`,
    `--- the program has printed\n${printed.slice(-4000)}`,
    `--- the rig's console\n${before.slice(-4000)}`,
    seen,
  ].join('\n');
}
