import { closeSync, constants, lstatSync, openSync, readSync, readdirSync, readlinkSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { TreeAccessDenied } from './host-tree.ts';
import type { HostTree } from './host-tree.ts';

const maxLinks = 40;
/** More than any attribute or table that is read; the mount table of a busy container host has some hundred KiB. */
const maxFileBytes = 1 << 20;
const maxNames = 100_000;
const processFiles = /^\/proc\/[0-9]+\/fd(?:\/|$)/;

/**
 * The copy of another machine's tree in a directory, which a stranger may have made. Links are followed inside the directory
 * only, as if it were the root of that machine; what is no plain file is not opened; what is too long is cut.
 */
export class ConfinedTree implements HostTree {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root.replace(/\/+$/, '');
  }

  text(path: string): string | undefined {
    const bytes = this.#read(path, maxFileBytes);
    return bytes === undefined ? undefined : withoutControls(Buffer.from(bytes).toString('latin1').trimEnd());
  }

  bytes(path: string, maxBytes: number): Uint8Array | undefined {
    return this.#read(path, Math.min(maxBytes, maxFileBytes));
  }

  list(path: string): readonly string[] {
    const found = this.#walk(path);
    if (found?.stats.isDirectory() !== true) return [];
    return (attempt(path, () => readdirSync(this.#root + found.path)) ?? [])
      .filter((name) => withoutControls(name) === name)
      .sort()
      .slice(0, maxNames);
  }

  link(path: string): string | undefined {
    const cut = path.lastIndexOf('/');
    const parent = this.#walk(path.slice(0, cut));
    const target = parent === undefined ? undefined : this.#target(`${parent.path}/${path.slice(cut + 1)}`);
    return target === undefined ? undefined : withoutControls(target);
  }

  real(path: string): string | undefined {
    return this.#walk(path)?.path;
  }

  exists(path: string): boolean {
    return this.#walk(path) !== undefined;
  }

  #read(path: string, maxBytes: number): Uint8Array | undefined {
    const found = this.#walk(path);
    if (found?.stats.isFile() !== true) return undefined;
    const place = this.#root + found.path;
    return attempt(path, () => {
      const fd = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const buffer = new Uint8Array(maxBytes);
        let length = 0;
        while (length < maxBytes) {
          const count = readSync(fd, buffer, length, maxBytes - length, null);
          if (count === 0) break;
          length += count;
        }
        return buffer.slice(0, length);
      } finally {
        closeSync(fd);
      }
    });
  }

  #target(path: string): string | undefined {
    return this.#stats(path)?.isSymbolicLink() === true
      ? attempt(path, () => readlinkSync(this.#root + path))
      : undefined;
  }

  #stats(path: string): Stats | undefined {
    return attempt(path, () => lstatSync(this.#root + path, { throwIfNoEntry: false }));
  }

  #walk(path: string): { path: string; stats: Stats } | undefined {
    const todo = split(path).toReversed();
    let here: string[] = [];
    let links = 0;
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      if (name === '..') {
        here.pop();
        continue;
      }
      const next = `/${[...here, name].join('/')}`;
      const target = this.#target(next);
      if (target === undefined) {
        if (this.#stats(next) === undefined) return undefined;
        here.push(name);
        continue;
      }
      links += 1;
      if (links > maxLinks) return undefined;
      if (target.startsWith('/')) here = [];
      todo.push(...split(target).toReversed());
    }
    const found = here.length === 0 ? '' : `/${here.join('/')}`;
    const stats = this.#stats(found);
    return stats === undefined ? undefined : { path: found, stats };
  }
}

function split(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** A terminal would obey them. */
function withoutControls(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '?');
}

/** What the copy doesn't have, or this machine can't read, is not there; only of a process's files it is told. */
function attempt<T>(path: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if ((code === 'EACCES' || code === 'EPERM') && processFiles.test(path)) throw new TreeAccessDenied(path);
    if (typeof code === 'string') return undefined;
    throw error;
  }
}
