import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootRig, REPOSITORY, unpackedKernel } from '../../rig/index.ts';
import { startableKernel } from '../../rig/kernels.ts';
import { bundle, bundleProduct } from '../../scripts/bundle.ts';
import { guestInitrd } from '../../src/vm/index.ts';
import { runTestFiles } from '../rig-tests.ts';

test('the unit under a running systemd: started, started anew, found hanging, stopped', async () => {
  const kernel = unpackedKernel('6.1');
  const programs = join(REPOSITORY, 'dist/test-systemd');
  const initrd = join(programs, 'initrd');
  await bundleProduct(programs);
  await bundle('test/api/in-rig/systemd.ts', programs);
  await writeFile(initrd, await guestInitrd({ modulesDirectory: kernel.modules, commandLine: '', drivers: ['nvme'] }));
  await using rig = await bootRig();
  const file = join(programs, 'systemd.js');
  await runTestFiles(rig, [file], {
    env: {
      DDA_CLI: join(programs, 'main.js'),
      DDA_UNIT: join(REPOSITORY, 'packaging/dda.service'),
      DDA_GUEST_VMLINUX: await startableKernel(kernel),
      DDA_GUEST_INITRD: initrd,
    },
  });
});
