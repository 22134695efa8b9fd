import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { bootRig, unpackedKernel } from '../../rig/index.ts';
import { startableKernel } from '../../rig/kernels.ts';
import { guestInitrd } from '../../src/vm/index.ts';
import { mortalManager, runTests } from './manager-in-rig.ts';

/** The same cycles each time: a run that fails can be looked into, and one that passes stays so. Another: DDA_SEED=N. */
const SEED = '20261125';
const MEMORY_BYTES = 128 * 1024 * 1024;
const COMMAND_LINE = 'console=ttyS0 panic=-1 mitigations=off cryptomgr.notests quiet';
/** The guest runs each line that it is typed. */
const SHELL = `#!/bin/sh
stty -echo
while read -r line; do eval "$line"; done
`;

/** `DDA_CYCLES` may ask for another number. */
export async function runCycles(t: TestContext, cycles: number): Promise<void> {
  const kernel = unpackedKernel('6.1');
  const programs = await mortalManager('cycles');
  const initramfs = join(programs.directory, 'initrd');
  await writeFile(
    initramfs,
    await guestInitrd({ modulesDirectory: kernel.modules, commandLine: COMMAND_LINE, drivers: ['nvme'], run: SHELL }),
  );
  await using rig = await bootRig({ nvmeControllers: 2 });
  const spec = {
    memoryBytes: MEMORY_BYTES,
    cpuCount: 1,
    kernel: await startableKernel(kernel),
    initramfs,
    commandLine: COMMAND_LINE,
  };
  const output = await runTests(rig, programs, {
    DDA_VM_SPEC: JSON.stringify(spec),
    DDA_CYCLES: process.env['DDA_CYCLES'] ?? String(cycles),
    DDA_SEED: process.env['DDA_SEED'] ?? SEED,
  });
  for (const [, line = ''] of output.matchAll(/^# (.*)$/gm)) t.diagnostic(line);
}
