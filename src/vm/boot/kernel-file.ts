import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BootError, BootErrorCode } from './boot-error.ts';
import { type BzImage, parseBzImage } from './bzimage.ts';
import { ELF_HEADER_BYTES, isElf, parseVmlinux, type Vmlinux } from './elf.ts';
import { type ImageFile, imageFileAt, readAll, readHead, unreadable } from './image-file.ts';
import { extractVmlinux } from './vmlinux.ts';

/** A kernel ready for {@link planBoot}. */
export interface KernelFile {
  readonly image: BzImage | Vmlinux;
  /** What a bzImage tells of itself, empty for a vmlinux file. The first word is the release, `6.1.0-56-amd64`. */
  readonly version: string;
  /** The file that the image is: the one that was named, or the unpacked one that is kept. */
  readonly path: string;
}

/**
 * Reads a kernel, bzImage or vmlinux. With `unpackedDirectory` a bzImage is unpacked there once, and from then on starts
 * from that: the guest saves the time. A kernel compressed in a way that can't be unpacked here is then started as it is.
 *
 * @param options.unpackedDirectory only this program may write to it: what is found there is trusted.
 * @throws BootError `kernel-unreadable`, and what {@link parseBzImage}, {@link parseVmlinux} and {@link extractVmlinux} throw.
 */
export async function readKernel(
  path: string,
  options: { readonly unpackedDirectory?: string } = {},
): Promise<KernelFile> {
  let file: ImageFile;
  try {
    file = imageFileAt(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  const whole = parseKernel(file);
  if (whole.kind === 'vmlinux') return { image: whole, version: '', path };
  const unpacked =
    options.unpackedDirectory === undefined ? undefined : await unpackedKernel(whole, options.unpackedDirectory);
  return unpacked === undefined
    ? { image: whole, version: whole.version, path }
    : { image: parseVmlinux(unpacked.file), version: whole.version, path: unpacked.path };
}

/** A kernel from a file at hand, started as it is. @throws what {@link parseBzImage} and {@link parseVmlinux} throw. */
export function parseKernel(file: ImageFile): KernelFile['image'] {
  return isElf(readHead(file, ELF_HEADER_BYTES)) ? parseVmlinux(file) : parseBzImage(readAll(file));
}

/** From the directory, or unpacked and put there; undefined if it can't be unpacked here. */
async function unpackedKernel(
  image: BzImage,
  directory: string,
): Promise<{ readonly path: string; readonly file: ImageFile } | undefined> {
  const path = join(directory, `vmlinux-${createHash('sha256').update(image.compressedVmlinux).digest('hex')}`);
  try {
    return { path, file: imageFileAt(path) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  let vmlinux: Uint8Array;
  try {
    vmlinux = await extractVmlinux(image);
  } catch (error) {
    if (error instanceof BootError && error.code === BootErrorCode.kernelPayloadUnsupported) return undefined;
    throw error;
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // Two programs may do this at once, and either may be killed: a file under its final name is always whole.
  const unfinished = `${path}.${process.pid}`;
  try {
    await writeFile(unfinished, vmlinux, { mode: 0o600 });
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
  return { path, file: imageFileAt(path) };
}
