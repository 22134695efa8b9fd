import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootRig, REPOSITORY, unpackedKernel } from '../../rig/index.ts';
import { startableKernel } from '../../rig/kernels.ts';
import { bundle } from '../../scripts/bundle.ts';
import { guestInitrd } from '../../src/vm/index.ts';
import { runTestFiles } from '../rig-tests.ts';
import { SHELL } from './guest-shell.ts';

test('a VM in a process without privileges, lent to and taken back from over managers that come and go', async () => {
  const kernel = unpackedKernel('6.1');
  const programs = join(REPOSITORY, 'dist/test-vm-process');
  const initrd = join(programs, 'initrd');
  await bundle('test/vm-process/in-rig/first-manager.ts', programs);
  await bundle('test/vm-process/in-rig/second-manager.ts', programs);
  await writeFile(
    initrd,
    await guestInitrd({ modulesDirectory: kernel.modules, commandLine: '', drivers: ['nvme'], run: SHELL }),
  );
  await using rig = await bootRig();
  const file = join(programs, 'second-manager.js');
  await runTestFiles(rig, [file], {
    testTimeoutMs: 240_000,
    env: {
      DDA_GUEST_VMLINUX: await startableKernel(kernel),
      DDA_GUEST_INITRD: initrd,
      DDA_FIRST_MANAGER: join(programs, 'first-manager.js'),
    },
  });
});
