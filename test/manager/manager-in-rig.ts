import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REPOSITORY, type Rig } from '../../rig/index.ts';
import { bundle } from '../../scripts/bundle.ts';
import { tinyExecutable } from '../../src/vm/boot/testing/tiny-elf.ts';

const MIB = 1024 * 1024;
const TINY_ENTRY = 16 * MIB;
/** With interrupts off: `hlt`, and `jmp` back to it. It holds no function open and asks for nothing. */
const TINY_CODE = Uint8Array.from([0xf4, 0xeb, 0xfd]);

export function tinyKernel(): Uint8Array {
  return tinyExecutable(TINY_ENTRY, [{ physicalAddress: TINY_ENTRY, bytes: TINY_CODE }]);
}

export interface ManagerPrograms {
  readonly file: string;
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Builds `in-rig/<program>.ts` with the manager that it kills, and the smallest guest that there can be. */
export async function mortalManager(program: string): Promise<ManagerPrograms> {
  const directory = join(REPOSITORY, 'dist/test-manager', program);
  await mkdir(directory, { recursive: true });
  await bundle('test/manager/in-rig/mortal-manager.ts', directory);
  await bundle(`test/manager/in-rig/${program}.ts`, directory);
  const kernel = join(directory, 'tiny-kernel');
  await writeFile(kernel, tinyKernel());
  const spec = { memoryBytes: 64 * MIB, cpuCount: 1, kernel, commandLine: '' };
  return {
    file: join(directory, `${program}.js`),
    directory,
    env: { DDA_MORTAL_MANAGER: join(directory, 'mortal-manager.js'), DDA_VM_SPEC: JSON.stringify(spec) },
  };
}

/** Runs the tests of such a program in the rig, and fails with what they printed if any of them fails. Gives what they printed. */
export async function runTests(
  rig: Rig,
  { file, env }: ManagerPrograms,
  more: Readonly<Record<string, string>> = {},
  // It ends what hangs, not what is slow: a busy machine takes several times as long.
  timeoutMs = 5_400_000,
): Promise<string> {
  const result = await rig.run(['node', '--test', '--test-isolation=none', '--test-reporter=tap', file], {
    timeoutMs,
    env: { ...env, ...more, DDA_VERBOSE: process.env['DDA_VERBOSE'] ?? '' },
    onOutput: (_stream, bytes) => {
      if (process.env['DDA_VERBOSE'] === '1') process.stderr.write(bytes);
    },
  });
  assert.equal(result.exitCode, 0, `it failed in the rig:\n${result.stdout}\n${result.stderr}`);
  return result.stdout;
}
