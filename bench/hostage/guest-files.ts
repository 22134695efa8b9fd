import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory, unpackedKernel } from '../../rig/index.ts';
import { alteredModule } from '../../rig/altered-module.ts';
import { startableKernel } from '../../rig/kernels.ts';
import { ModuleTree, guestInitrd } from '../../src/vm/index.ts';
import { GUEST_WORD, ModulePath, guestScript } from './guests.ts';
import type { HostageGuestFiles } from './plan.ts';

/** A small one without dependencies, which nothing loads in these guests. */
const MODULE = 'pcspkr';
/** `panic=0`: a guest that has panicked stays there. */
const COMMAND_LINE = `console=ttyS0 panic=0 cryptomgr.notests quiet mitigations=off ${GUEST_WORD}=`;
const MEMORY_MIB = 256;
/** x86: `cli`, and a `jmp` to itself: what never gives the processor back. */
const CLI = 0xfa;
const JUMP_TO_ITSELF = [0xeb, 0xfe];

/** Makes what every guest starts from. */
export async function hostageGuestFiles(): Promise<HostageGuestFiles> {
  const kernel = unpackedKernel('6.1');
  const tree = await ModuleTree.open(kernel.modules);
  const module = (await tree.load([MODULE])).find(({ name }) => name === MODULE);
  if (module === undefined)
    throw new Error(`The kernel has ${MODULE} built in: there is no module to make another from.`);
  const initrd = join(cacheDirectory(), 'bench', 'hostage-initrd');
  mkdirSync(join(cacheDirectory(), 'bench'), { recursive: true });
  writeFileSync(
    initrd,
    await guestInitrd({
      modulesDirectory: kernel.modules,
      commandLine: COMMAND_LINE,
      drivers: ['nvme'],
      run: guestScript,
      files: [
        { kind: 'directory', path: 'hostage' },
        { kind: 'file', path: ModulePath.stuck, data: alteredModule(module.bytes, JUMP_TO_ITSELF) },
        { kind: 'file', path: ModulePath.interruptsOff, data: alteredModule(module.bytes, [CLI, ...JUMP_TO_ITSELF]) },
      ],
    }),
  );
  return { vmlinux: await startableKernel(kernel), initrd, commandLine: COMMAND_LINE, memoryMib: MEMORY_MIB };
}
