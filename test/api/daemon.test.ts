import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootRig, REPOSITORY, unpackedKernel } from '../../rig/index.ts';
import { startableKernel } from '../../rig/kernels.ts';
import { bundle, bundleProduct } from '../../scripts/bundle.ts';
import { guestInitrd } from '../../src/vm/index.ts';
import { runTestFiles } from '../rig-tests.ts';

test('the daemon on a real host: functions, VMs, and a SIGKILL in between', async () => {
  const kernel = unpackedKernel('6.1');
  const programs = join(REPOSITORY, 'dist/test-api');
  const initrd = join(programs, 'initrd');
  await bundleProduct(programs);
  await bundle('test/api/in-rig/daemon.ts', programs);
  await writeFile(initrd, await guestInitrd({ modulesDirectory: kernel.modules, commandLine: '', drivers: ['nvme'] }));
  await using rig = await bootRig({ nvmeControllers: 2 });
  const file = join(programs, 'daemon.js');
  await runTestFiles(rig, [file], {
    env: {
      DDA_CLI: join(programs, 'main.js'),
      DDA_GUEST_VMLINUX: await startableKernel(kernel),
      DDA_GUEST_INITRD: initrd,
    },
  });
});
