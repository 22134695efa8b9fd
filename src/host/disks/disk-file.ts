import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, realpathSync, statfsSync } from 'node:fs';
import { blockBytes, type OpenFile } from '../../functions/index.ts';
import { lockFile } from '../../linux/index.ts';
import { HostError } from '../errors.ts';

/** Files of this file system are memory. TMPFS_MAGIC, Linux include/uapi/linux/magic.h. */
const memoryFileSystem = 0x0102_1994;

/** A file that a guest shall have as a disk. */
export interface DiskSpec {
  readonly path: string;
  readonly readOnly: boolean;
  /** So many virtual functions in place of one function, 1 to {@link MAX_VIRTUAL_FUNCTIONS}; undefined: none. */
  readonly virtualFunctions?: number | undefined;
}

/** Of one disk. */
export const MAX_VIRTUAL_FUNCTIONS = 16;

/** `FILE`, `FILE,ro`, `FILE,vfs=2`, `FILE,ro,vfs=2`. Throws HostError `disk-malformed`. */
export function parseDisk(text: string): DiskSpec {
  const virtual = /,vfs=(\d{1,3})$/.exec(text);
  if (virtual === null) {
    return text.endsWith(',ro') ? { path: text.slice(0, -3), readOnly: true } : { path: text, readOnly: false };
  }
  const virtualFunctions = Number(virtual[1]);
  const spec = parseDisk(text.slice(0, virtual.index));
  if (virtualFunctions >= 1 && virtualFunctions <= MAX_VIRTUAL_FUNCTIONS) return { ...spec, virtualFunctions };
  throw new HostError('disk-malformed', {
    asked: `use ${spec.path} as a disk`,
    obstacle: `it can't have ${virtualFunctions} virtual functions.`,
    remedy: `vfs= takes 1 to ${MAX_VIRTUAL_FUNCTIONS}; without it the disk is one function.`,
    details: { path: spec.path, virtualFunctions },
  });
}

/** Open and locked: it is its VM's until every copy of the descriptor is closed. */
export interface DiskFile extends OpenFile {
  /** The same for the same place each time, so that a guest knows its disk again. */
  readonly uuid: Uint8Array;
}

/** Throws HostError `file-unreadable`, `disk-malformed` and `disk-in-use`; then nothing is open. */
export function openDiskFile({ path, readOnly }: DiskSpec): DiskFile {
  const fd = openFile(path, readOnly);
  try {
    const sizeBytes = checkedSize(fd, path);
    lock(fd, path, readOnly);
    const inMemory = statfsSync(`/proc/self/fd/${fd}`).type === memoryFileSystem;
    return { fd, sizeBytes, readOnly, inMemory, uuid: uuidOf(realpathSync(path)) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * A lock doesn't tell: two that only read may share a file, but a guest takes two disks of one identity for a mistake. Throws HostError
 * `disk-in-use`.
 */
export function refuseTwice(specs: readonly DiskSpec[]): void {
  for (const [index, { path }] of specs.entries()) {
    const same = specs.slice(0, index).findIndex((other) => samePlace(other.path, path));
    if (same >= 0) throw inUse(path, `it is disk${same} of the same VM already.`);
  }
}

function samePlace(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    // One of them isn't there, which opening it tells better.
    return false;
  }
}

function openFile(path: string, readOnly: boolean): number {
  try {
    // Without blocking, should it be a FIFO that nobody writes to.
    return openSync(path, (readOnly ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NONBLOCK);
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause)) throw cause;
    if (cause.code === 'EISDIR') throw malformed(path, 'it is a directory.');
    const writing = readOnly ? '' : ' and written';
    throw new HostError(
      'file-unreadable',
      {
        asked: `use ${path} as a disk`,
        obstacle: `the file can't be read${writing}: ${cause.message}.`,
        remedy: `Make one, for example with: truncate -s 10G ${path}. To read it only: ${path},ro`,
        details: { path },
      },
      { cause },
    );
  }
}

function checkedSize(fd: number, path: string): number {
  const facts = fstatSync(fd);
  if (!facts.isFile()) throw malformed(path, 'it is no ordinary file.');
  if (facts.size === 0) throw malformed(path, 'it is empty.');
  if (facts.size % blockBytes !== 0) {
    throw malformed(path, `its ${facts.size} bytes are no whole number of blocks of ${blockBytes} bytes.`);
  }
  return facts.size;
}

function lock(fd: number, path: string, readOnly: boolean): void {
  if (!lockFile(fd, readOnly ? 'shared' : 'exclusive')) throw inUse(path, 'a VM has it already.');
}

function malformed(path: string, obstacle: string): HostError {
  return new HostError('disk-malformed', {
    asked: `use ${path} as a disk`,
    obstacle,
    remedy: `A disk is an ordinary file whose size is a multiple of ${blockBytes} bytes: truncate -s %${blockBytes} FILE makes it one.`,
    details: { path },
  });
}

function inUse(path: string, obstacle: string): HostError {
  return new HostError('disk-in-use', {
    asked: `use ${path} as a disk`,
    obstacle,
    remedy: 'Give each VM a file of its own; several may share one that all of them only read: FILE,ro',
    details: { path },
  });
}

/** RFC 9562, version 8. */
function uuidOf(path: string): Uint8Array {
  const uuid = new Uint8Array(createHash('sha256').update(`dda disk ${path}`).digest().subarray(0, 16));
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x80;
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
  return uuid;
}
