import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readKernel } from '../src/vm/boot/index.ts';
import { cacheDirectory } from './paths.ts';
import { RigError, RigErrorCode } from './rig-error.ts';

/** The kernel series that set-up fetches: Debian bookworm's and bookworm-backports'. */
export const KERNEL_SERIES = ['6.1', '6.12'] as const;
export type KernelSeries = (typeof KERNEL_SERIES)[number];

/** A Debian kernel package as unpacked into the cache; nothing of it is installed. */
export interface UnpackedKernel {
  /** As `uname -r` prints it. */
  readonly release: string;
  /** The bzImage. */
  readonly image: string;
  /** A directory that has `lib/modules/RELEASE`, for `modprobe --dirname`. */
  readonly root: string;
  /** `lib/modules/RELEASE` itself. */
  readonly modules: string;
}

/** @throws RigError `rig-missing-part` when set-up has not fetched it. */
export function unpackedKernel(series: KernelSeries): UnpackedKernel {
  const root = join(cacheDirectory(), 'kernels', series);
  const release = directoryNames(join(root, 'lib/modules'))[0];
  if (release === undefined) {
    throw new RigError(
      RigErrorCode.missingPart,
      `The rig needs Debian's ${series} kernel and ${root} has none. Run 'npm run setup', which fetches it.`,
    );
  }
  return {
    release,
    root,
    image: join(root, 'boot', `vmlinuz-${release}`),
    modules: join(root, 'lib/modules', release),
  };
}

/**
 * The kernel for QEMU to start: the ELF file that is compressed inside the bzImage, unpacked into the cache the first
 * time. Emulated, the kernel takes three seconds and more to unpack itself.
 */
export async function startableKernel(kernel: UnpackedKernel): Promise<string> {
  const directory = join(kernel.root, 'boot/unpacked');
  const find = (): string | undefined => directoryNames(directory).find((name) => /^vmlinux-[0-9a-f]+$/.test(name));
  try {
    if (find() === undefined) await readKernel(kernel.image, { unpackedDirectory: directory });
    const unpacked = find();
    return unpacked === undefined ? kernel.image : join(directory, unpacked);
  } catch (error) {
    // Somebody else's cache that may only be read: the kernel can unpack itself.
    if (['EACCES', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) return kernel.image;
    throw error;
  }
}

function directoryNames(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
