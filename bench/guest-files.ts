import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory, unpackedKernel } from '../rig/index.ts';
import { BASE_COMMAND_LINE } from '../src/host/index.ts';
import { GuestLine, guestInitrd, readKernel } from '../src/vm/index.ts';
import { guestScript } from './guest-script.ts';
import type { GuestFiles } from './in-rig/vmm.ts';

/** For both guests alike: mitigations cost an emulated processor far more than a real one. */
const ADDED_COMMAND_LINE = 'mitigations=off';
const COMMAND_LINE = `${BASE_COMMAND_LINE} ${ADDED_COMMAND_LINE}`;
const MEMORY_MIB = 512;

/** Makes what both guests start from, on this machine: the same work in the rig takes ten times as long. */
export async function guestFiles(script: string = guestScript): Promise<GuestFiles> {
  const kernel = unpackedKernel('6.1');
  const directory = join(cacheDirectory(), 'bench');
  mkdirSync(directory, { recursive: true });
  const initrd = join(directory, 'initrd');
  writeFileSync(
    initrd,
    await guestInitrd({
      modulesDirectory: kernel.modules,
      commandLine: COMMAND_LINE,
      drivers: ['nvme'],
      run: script,
    }),
  );
  const unpackedDirectory = join(directory, 'kernel');
  await readKernel(kernel.image, { unpackedDirectory });
  const [vmlinux] = await readdir(unpackedDirectory);
  if (vmlinux === undefined) throw new Error(`The kernel ${kernel.image} can't be unpacked.`);
  return {
    vmlinux: join(unpackedDirectory, vmlinux),
    initrd,
    commandLine: COMMAND_LINE,
    addedCommandLine: ADDED_COMMAND_LINE,
    memoryMib: MEMORY_MIB,
    firstLine: GuestLine.up,
  };
}
