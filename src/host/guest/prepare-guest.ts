import { readFile } from 'node:fs/promises';
import { BootError, BootErrorCode, guestInitrd, readKernel } from '../../vm/index.ts';
import { DISK_DRIVER } from '../disks/disk.ts';
import { HostError } from '../errors.ts';
import type { HostFunction } from '../inventory/host-function.ts';
import { guestDrivers } from './guest-drivers.ts';
import { hostKernel, modulesOf, noHostKernel } from './kernel-places.ts';
import type { GuestImages } from '../running/start-session.ts';
import { unpackedKernels } from './unpacked-kernels.ts';

/**
 * Every guest's command line begins so: the console on the serial port; a panic resets, so that it ends the VM; no
 * self-tests of ciphers, which cost a guest more time than its whole start; boot messages only with `loglevel=7`.
 */
export const BASE_COMMAND_LINE = 'console=ttyS0 panic=-1 cryptomgr.notests quiet';

/** What a guest is to be started from, as paths. */
export interface GuestFiles {
  /** bzImage or vmlinux; undefined: the host's own kernel and modules. */
  readonly kernel: string | undefined;
  /** A `lib/modules/VERSION` tree; undefined: looked for by the kernel's version. */
  readonly modules: string | undefined;
  /** Used as it is, then neither modules nor busybox are needed. */
  readonly initrd: string | undefined;
  /** Runs in the guest instead of a shell. */
  readonly run: string | undefined;
  /** Modules to load besides those that the functions need. */
  readonly drivers: readonly string[];
  /** Whether it has disks of software, which take a driver too. */
  readonly disks?: boolean;
  /** Added to {@link BASE_COMMAND_LINE}. */
  readonly commandLine: string;
  /** Let the kernel unpack and place itself at random, which costs time at each start. */
  readonly kaslr: boolean;
}

export interface PreparedGuest {
  /** The kernel and the initramfs: in hand the first time, read again each time after that, so that nobody need keep them. */
  readonly images: () => Promise<GuestImages>;
  /** The file that the kernel in `images` was read from: unpacked, where it could be. */
  readonly kernelPath: string;
  readonly commandLine: string;
  /** The kernel's release, or its path where it doesn't tell. */
  readonly kernelName: string;
  /** Whole sentences. */
  readonly warnings: readonly string[];
}

/** What is read for one start. */
interface ReadGuest extends Omit<PreparedGuest, 'images'> {
  readonly images: GuestImages;
}

/**
 * Reads the kernel and builds the initramfs with the drivers for `functions`. Throws HostError (`guest-kernel-missing`,
 * `guest-modules-missing`, `file-unreadable`) and BootError.
 */
export async function prepareGuest(files: GuestFiles, functions: readonly HostFunction[]): Promise<PreparedGuest> {
  const { images, ...prepared } = await readGuest(files, functions);
  let inHand: GuestImages | undefined = images;
  return {
    ...prepared,
    images: async () => {
      const taken = inHand ?? (await readGuest(files, functions)).images;
      inHand = undefined;
      return taken;
    },
  };
}

async function readGuest(files: GuestFiles, functions: readonly HostFunction[]): Promise<ReadGuest> {
  const warnings: string[] = [];
  const commandLine = [BASE_COMMAND_LINE, files.commandLine].filter((part) => part !== '').join(' ');
  const own = files.kernel === undefined ? hostKernel() : undefined;
  const path = own?.kernel ?? files.kernel ?? '';
  const unpackedDirectory = files.kaslr ? undefined : unpackedKernels();
  // Small files first: one that is missing shouldn't cost the time to unpack a kernel.
  const initrd = files.initrd === undefined ? undefined : await readGuestFile(files.initrd, 'initrd');
  const run = files.run === undefined ? undefined : await readGuestFile(files.run, 'run');
  const {
    image: kernel,
    version,
    path: kernelPath,
  } = await readKernel(path, unpackedDirectory === undefined ? {} : { unpackedDirectory });
  const release = version.split(' ')[0] ?? '';
  const prepared = { kernelPath, commandLine, kernelName: release === '' ? path : release };
  if (initrd !== undefined) {
    if (files.modules !== undefined || files.drivers.length > 0) {
      warnings.push(`${files.initrd} is used as it is: --modules and --driver add nothing to it.`);
    }
    return { ...prepared, images: { kernel, initrd }, warnings };
  }
  const modulesDirectory = files.modules ?? own?.modules ?? modulesOf(path, release);
  const needed = await guestDrivers(modulesDirectory, functions);
  for (const name of needed.undriven) {
    warnings.push(
      `No driver in ${modulesDirectory} claims ${name}. Name one with --driver NAME if the guest is to use it.`,
    );
  }
  try {
    const built = await guestInitrd({
      modulesDirectory,
      commandLine,
      drivers: [...new Set([...needed.modules, ...(files.disks === true ? [DISK_DRIVER] : []), ...files.drivers])],
      ...(run === undefined ? {} : { run }),
    });
    return { ...prepared, images: { kernel, initrd: built }, warnings };
  } catch (error) {
    const lacksDrivers = error instanceof BootError && error.code === BootErrorCode.modulesNoHyperv;
    if (own === undefined || !lacksDrivers) throw error;
    throw noHostKernel(`the host's own carries no Hyper-V drivers (${own.modules}).`, { ...own }, error);
  }
}

async function readGuestFile(path: string, option: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause)) throw cause;
    throw new HostError(
      'file-unreadable',
      {
        asked: `use --${option} ${path}`,
        obstacle: `the file can't be read: ${cause.message}.`,
        remedy: 'Name another, or change its permissions.',
        details: { path, option },
      },
      { cause },
    );
  }
}
