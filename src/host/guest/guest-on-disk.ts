import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { VmSpec } from '../manager/ports.ts';
import { type GuestFiles, type PreparedGuest, prepareGuest } from './prepare-guest.ts';

/** What a manager starts a guest from: files that it opens itself. */
export type GuestSpec = Pick<VmSpec, 'kernel' | 'initramfs' | 'commandLine'>;

/** Writes the initramfs that was built into `directory`; one that was named stays where it is. */
export async function writeGuest(guest: PreparedGuest, files: GuestFiles, directory: string): Promise<GuestSpec> {
  const { kernelPath, commandLine } = guest;
  const kernel = resolve(kernelPath);
  if (files.initrd !== undefined) return { kernel, commandLine, initramfs: resolve(files.initrd) };
  const { initrd } = await guest.images();
  if (initrd === undefined) return { kernel, commandLine };
  const initramfs = join(directory, 'initramfs');
  await writeFile(initramfs, initrd, { mode: 0o600 });
  return { kernel, commandLine, initramfs };
}

/**
 * Makes a guest ready for a manager to start, for as long as `work` runs: the manager has opened the files when it says that
 * the VM runs, so nothing of them need stay. Throws as {@link prepareGuest} does, and what `work` throws.
 */
export async function withGuestOnDisk<T>(
  files: GuestFiles,
  work: (spec: GuestSpec, warnings: readonly string[]) => Promise<T>,
): Promise<T> {
  const guest = await prepareGuest(files, []);
  const directory = await mkdtemp(join(tmpdir(), 'dda-guest-'));
  try {
    return await work(await writeGuest(guest, files, directory), guest.warnings);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
