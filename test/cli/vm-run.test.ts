import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { REPOSITORY, type Rig, bootRig, cacheDirectory, unpackedKernel } from '../../rig/index.ts';
import { bundle } from '../../scripts/bundle.ts';
import { readKernel } from '../../src/vm/index.ts';

describe('dda vm, on a real host', () => {
  const kernel = unpackedKernel('6.1');
  const unpacked = join(cacheDirectory(), 'unpacked');
  /** Of the command line and of the tests in the rig: started as the package ships it, which saves seconds each time. */
  const programs = join(REPOSITORY, 'dist/test/cli');
  let rig: Rig;
  before(async () => {
    await bundle('src/cli/main.ts', programs);
    rig = await bootRig({ nvmeControllers: 2 });
    // Unpacking takes this machine a second and the emulated one many: it is done out here, and the rig sees the file.
    await readKernel(kernel.image, { unpackedDirectory: unpacked });
  });
  after(async () => {
    await rig[Symbol.asyncDispose]();
  });

  for (const program of ['refusals', 'scripts', 'control', 'interrupts']) {
    test(program, async () => {
      await bundle(`test/cli/in-rig/${program}.ts`, programs);
      const file = join(programs, `${program}.js`);
      const result = await rig.run(['node', '--test', '--test-timeout=240000', '--test-reporter=tap', file], {
        timeoutMs: 600_000,
        env: {
          DDA_CLI: join(programs, 'main.js'),
          DDA_GUEST_KERNEL: kernel.image,
          DDA_GUEST_MODULES: kernel.modules,
          DDA_UNPACKED: unpacked,
        },
      });
      assert.equal(result.exitCode, 0, `${program} failed in the rig:\n${result.stdout}\n${result.stderr}`);
    });
  }
});
