import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootRig, REPOSITORY, unpackedKernel } from '../../rig/index.ts';
import { startableKernel } from '../../rig/kernels.ts';
import { bundle } from '../../scripts/bundle.ts';
import { guestInitrd } from '../../src/vm/index.ts';
import { runTestFiles } from '../rig-tests.ts';
import { SHELL } from './guest-shell.ts';

test('whoever has escaped into a VM process gets nowhere from there, and the guest and its lendings go on', async () => {
  const kernel = unpackedKernel('6.1');
  const programs = join(REPOSITORY, 'dist/test-lockup');
  const initrd = join(programs, 'initrd');
  await bundle('test/vm-process/in-rig/locked-up.ts', programs, {
    'src/vm/process/vm-process.ts': 'test/vm-process/in-rig/vm-process.ts',
  });
  await writeFile(
    initrd,
    await guestInitrd({ modulesDirectory: kernel.modules, commandLine: '', drivers: ['nvme'], run: SHELL }),
  );
  await using rig = await bootRig();
  const file = join(programs, 'locked-up.js');
  await runTestFiles(rig, [file], {
    timeoutMs: 400_000,
    testTimeoutMs: 240_000,
    env: { DDA_GUEST_VMLINUX: await startableKernel(kernel), DDA_GUEST_INITRD: initrd },
  });
});
