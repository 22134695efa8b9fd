import { existsSync } from 'node:fs';
import { release as hostRelease } from 'node:os';
import { dirname, join } from 'node:path';
import { HostError } from '../errors.ts';

/** A kernel and its modules, as files. */
export interface KernelPlace {
  readonly kernel: string;
  readonly modules: string;
}

/** The host's own kernel. Throws HostError `guest-kernel-missing` where it isn't kept as a file, or its modules are not. */
export function hostKernel(release: string = hostRelease(), root = '/'): KernelPlace {
  const place = { kernel: join(root, 'boot', `vmlinuz-${release}`), modules: join(root, 'lib/modules', release) };
  const missing = [place.kernel, place.modules].filter((path) => !existsSync(path));
  if (missing.length === 0) return place;
  throw noHostKernel(`the host's own can't be taken: there is no ${missing.join(' and no ')}.`, { missing });
}

export function noHostKernel(obstacle: string, details: Readonly<Record<string, unknown>>, cause?: unknown): HostError {
  return new HostError(
    'guest-kernel-missing',
    {
      asked: 'start a guest without --kernel',
      obstacle,
      remedy: 'Name a kernel with --kernel FILE, and its modules with --modules DIR.',
      details,
    },
    { cause },
  );
}

/**
 * The modules of a kernel that was named without them: beside it, as in a package that is unpacked but not installed, or
 * where the host has its own. Throws HostError `guest-modules-missing`.
 */
export function modulesOf(kernel: string, release: string): string {
  const places =
    release === '' ? [] : [join(dirname(kernel), '..', 'lib/modules', release), join('/lib/modules', release)];
  const found = places.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new HostError('guest-modules-missing', {
    asked: `start ${kernel}`,
    obstacle:
      release === ''
        ? "the file doesn't tell its version, so its modules can't be looked for."
        : `its modules are neither in ${places.join(' nor in ')}.`,
    remedy: 'Name their directory with --modules DIR, or an initramfs that has the drivers with --initrd FILE.',
    details: { kernel, release, places },
  });
}
