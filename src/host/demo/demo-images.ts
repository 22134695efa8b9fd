import { guestInitrd, readKernel } from '../../vm/index.ts';
import { BASE_COMMAND_LINE } from '../guest/prepare-guest.ts';
import { guestScript } from './guest-script.ts';
import type { DemoOptions } from './demo-options.ts';

/** What the demo's guest starts from: its kernel, unpacked where it could be, and an initramfs that runs the demo's script. */
export async function readDemoImages({
  kernelPath,
  modulesDirectory,
  unpackedDirectory,
}: Pick<DemoOptions, 'kernelPath' | 'modulesDirectory' | 'unpackedDirectory'>): Promise<{
  readonly kernel: Awaited<ReturnType<typeof readKernel>>;
  readonly initrd: Uint8Array;
}> {
  const [kernel, initrd] = await Promise.all([
    readKernel(kernelPath, unpackedDirectory === undefined ? {} : { unpackedDirectory }),
    guestInitrd({ modulesDirectory, commandLine: BASE_COMMAND_LINE, drivers: ['nvme'], run: guestScript() }),
  ]);
  return { kernel, initrd };
}
