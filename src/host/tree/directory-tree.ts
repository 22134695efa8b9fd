import { posix } from 'node:path';
import { SystemCallError, isPresent, list, readAttribute, readBinaryAttribute, readLink } from '../../linux/index.ts';
import { TreeAccessDenied } from './host-tree.ts';
import type { HostTree } from './host-tree.ts';

/** Errors that mean "nothing there": the thing is gone or going, or the kernel has no value for it just now. */
const absent = new Set([
  'ENOENT',
  'ENOTDIR',
  'ENODEV',
  'ENXIO',
  'EINVAL',
  'EIO',
  'ESRCH',
  'EISDIR',
  'ENOTCONN',
  'EOPNOTSUPP',
]);
const refused = new Set(['EACCES', 'EPERM']);
const maxLinks = 40;

/** The tree below a directory: `/` for this host, or where another host's `/sys` and `/proc` were copied to. */
export class DirectoryTree implements HostTree {
  readonly #root: string;

  constructor(root = '/') {
    this.#root = root.replace(/\/+$/, '');
  }

  text(path: string): string | undefined {
    return this.#ifPresent(path, readAttribute);
  }

  bytes(path: string, maxBytes: number): Uint8Array | undefined {
    return this.#ifPresent(path, readBinaryAttribute)?.slice(0, maxBytes);
  }

  list(path: string): readonly string[] {
    return this.#ifPresent(path, list) ?? [];
  }

  link(path: string): string | undefined {
    return this.#ifPresent(path, readLink);
  }

  /** Follows the last component only: in /sys and /proc, the directories on the way to a link are none themselves. */
  real(path: string): string | undefined {
    let here = path;
    for (let links = 0; links < maxLinks; links += 1) {
      const target = this.link(here);
      if (target === undefined) return this.exists(here) ? here : undefined;
      here = posix.resolve(posix.dirname(here), target);
    }
    return undefined;
  }

  exists(path: string): boolean {
    try {
      return isPresent(this.#root + path);
    } catch (error) {
      if (error instanceof SystemCallError && refused.has(error.code)) return true;
      if (error instanceof SystemCallError && absent.has(error.code)) return false;
      throw error;
    }
  }

  /** Most attributes that a survey asks for are absent from most functions. */
  #ifPresent<T>(path: string, read: (place: string) => T): T | undefined {
    const place = this.#root + path;
    return attempt(path, () => (isPresent(place) ? read(place) : undefined));
  }
}

function attempt<T>(path: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SystemCallError && absent.has(error.code)) return undefined;
    if (error instanceof SystemCallError && refused.has(error.code)) throw new TreeAccessDenied(path);
    throw error;
  }
}
