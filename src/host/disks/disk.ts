import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, realpathSync } from 'node:fs';
import {
  type AllocatePages,
  blockBytes,
  FileStorage,
  type PciFunction,
  sharedPages,
  SoftwareNvme,
} from '../../functions/index.ts';
import { lockFile } from '../../linux/index.ts';
import { HostError } from '../errors.ts';
import { canonicalName } from '../moves/move.ts';

/** The guest's driver for a disk. */
export const DISK_DRIVER = 'nvme';
/** What a disk's BAR takes of the guest's window for 64-bit BARs. */
export const DISK_WINDOW_BYTES = 0x4000;
/** I/O queues of each kind: one for each of the guest's CPUs. */
const MAX_QUEUE_PAIRS = 16;

/** A file that a guest shall have as a disk. */
export interface DiskSpec {
  readonly path: string;
  readonly readOnly: boolean;
}

/** `FILE` or `FILE,ro`. */
export function parseDisk(text: string): DiskSpec {
  return text.endsWith(',ro') ? { path: text.slice(0, -3), readOnly: true } : { path: text, readOnly: false };
}

/** `disk0`, `disk1`, … */
export function isDiskName(text: string): boolean {
  return /^disk\d{1,3}$/.test(text);
}

/** A disk's name as it is; anything else is a PCI address. Throws PciAddressError. */
export function functionName(text: string): string {
  return isDiskName(text) ? text : canonicalName(text);
}

/** A file that is a guest's disk: it stays open and locked until {@link close}, however often it is lent. */
export class Disk {
  /** By which it is lent and ejected: `disk0`. */
  readonly name: string;
  readonly path: string;
  readonly #storage: FileStorage;
  readonly #uuid: Uint8Array;

  /** Throws HostError `file-unreadable`, `disk-malformed` and `disk-in-use`. */
  constructor({ path, readOnly }: DiskSpec, name: string) {
    this.name = name;
    this.path = path;
    const fd = openFile(path, readOnly);
    try {
      const sizeBytes = checkedSize(fd, path);
      lock(fd, path, readOnly);
      this.#uuid = uuidOf(realpathSync(path));
      this.#storage = new FileStorage(fd, sizeBytes, readOnly);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /**
   * A controller of its own each time, for a guest with so many CPUs. What an earlier one left under way ends before it starts.
   * `allocate`: of memory that can be shown to the guest.
   */
  createFunction(vcpus: number, allocate: AllocatePages = sharedPages): PciFunction {
    const uuid = Buffer.from(this.#uuid).toString('hex');
    const dashed = [uuid.slice(0, 8), uuid.slice(8, 12), uuid.slice(12, 16), uuid.slice(16, 20), uuid.slice(20)];
    return new SoftwareNvme(
      {
        name: this.name,
        serialNumber: uuid.slice(0, 20).toUpperCase(),
        qualifiedName: `nqn.2014-08.org.nvmexpress:uuid:${dashed.join('-')}`,
        namespaces: [{ storage: this.#storage, uuid: this.#uuid }],
        queuePairs: Math.min(vcpus, MAX_QUEUE_PAIRS),
      },
      allocate,
    );
  }

  /** Once nothing is under way any more, the file is anybody's. Idempotent. */
  close(): void {
    this.#storage.close();
  }
}

/** `disk0`, `disk1`, …; all of them, or none and HostError. */
export function openDisks(specs: readonly DiskSpec[]): Disk[] {
  const disks: Disk[] = [];
  try {
    for (const spec of specs) {
      refuseTwice(disks, spec);
      disks.push(new Disk(spec, `disk${disks.length}`));
    }
    return disks;
  } catch (error) {
    for (const disk of disks) disk.close();
    throw error;
  }
}

/** A lock doesn't tell: two that only read may share a file, but a guest takes two disks of one identity for a mistake. */
function refuseTwice(disks: readonly Disk[], { path }: DiskSpec): void {
  const same = disks.find((disk) => samePlace(disk.path, path));
  if (same !== undefined) throw inUse(path, `it is ${same.name} of the same VM already.`);
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
        asked: `use --disk ${path}`,
        obstacle: `the file can't be read${writing}: ${cause.message}.`,
        remedy: `Make one, for example with: truncate -s 10G ${path}. To read it only: --disk ${path},ro`,
        details: { path, option: 'disk' },
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
    asked: `use --disk ${path}`,
    obstacle,
    remedy: `A disk is an ordinary file whose size is a multiple of ${blockBytes} bytes: truncate -s %${blockBytes} FILE makes it one.`,
    details: { path },
  });
}

function inUse(path: string, obstacle: string): HostError {
  return new HostError('disk-in-use', {
    asked: `use --disk ${path}`,
    obstacle,
    remedy: 'Give each VM a file of its own; several may share one that all of them only read: --disk FILE,ro',
    details: { path },
  });
}

/** The same for the same place each time, so that a guest knows its disk again. RFC 9562, version 8. */
function uuidOf(path: string): Uint8Array {
  const uuid = new Uint8Array(createHash('sha256').update(`dda disk ${path}`).digest().subarray(0, 16));
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x80;
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
  return uuid;
}
