import { rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { REPOSITORY, type Rig, type RigOptions, bootRig, unpackedKernel } from '../../rig/index.ts';
import { startableKernel } from '../../rig/kernels.ts';
import { bundle, bundleProduct } from '../../scripts/bundle.ts';
import { guestInitrd } from '../../src/vm/index.ts';
import { runTestFiles } from '../rig-tests.ts';

/** Files of tests of the command line, all of them in one rig: each a test. */
export function describeCli(
  what: string,
  tests: readonly string[],
  options: RigOptions = { nvmeControllers: 2 },
): void {
  describe(what, () => {
    const kernel = unpackedKernel('6.1');
    /** The command line and the tests in the rig, bundled, which saves seconds at each start; where dda finds its package.json. */
    const programs = join(REPOSITORY, 'dist', `test-cli-${process.pid}`);
    const initrd = join(programs, 'initrd');
    let vmlinux: string;
    let rig: Rig;
    before(async () => {
      await bundleProduct(programs);
      rig = await bootRig(options);
      // What takes this machine a moment and the emulated one seconds is done out here, and the rig sees the files.
      vmlinux = await startableKernel(kernel);
      await writeFile(
        initrd,
        await guestInitrd({ modulesDirectory: kernel.modules, commandLine: '', drivers: ['nvme'] }),
      );
    });
    after(async () => {
      await rig[Symbol.asyncDispose]();
      rmSync(programs, { recursive: true });
    });

    for (const program of tests) {
      test(program, async () => {
        await bundle(`test/cli/in-rig/${program}.ts`, programs);
        const file = join(programs, `${program}.js`);
        await runTestFiles(rig, [file], {
          timeoutMs: 1_800_000,
          testTimeoutMs: 600_000,
          env: {
            DDA_CLI: join(programs, 'main.js'),
            DDA_GUEST_KERNEL: kernel.image,
            DDA_GUEST_MODULES: kernel.modules,
            DDA_GUEST_VMLINUX: vmlinux,
            DDA_GUEST_INITRD: initrd,
          },
        });
      });
    }
  });
}
