import { closeFile, createMemoryFile, Seal, sealMemoryFile } from './libc/files.ts';
import { addressOf } from './libc/library.ts';
import { MapFlag, mapMemory, Protection } from './libc/mapping.ts';

const pageSizeBytes = 4096;
const readWrite = Protection.read | Protection.write;

/**
 * Memories that are open. A mapping whose buffer is collected goes away with it, while KVM and devices still hold its
 * address: whatever the kernel maps there next would be theirs. So an open memory is never collected.
 */
const open = new Set<SharedMemory>();

/** A zeroed, page-aligned buffer that `Atomics.wait` accepts once memory is mapped over it. Not resized afterwards. */
function pageAlignedBuffer(sizeBytes: number): SharedArrayBuffer {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % pageSizeBytes !== 0) {
    throw new RangeError(`shared memory is made of whole 4096-byte pages; ${sizeBytes} bytes were asked for`);
  }
  return new SharedArrayBuffer(sizeBytes, { maxByteLength: sizeBytes });
}

/** Where a buffer from {@link mapFd} or {@link SharedMemory} is in this process. */
export function bufferAddress(buffer: SharedArrayBuffer): bigint {
  return addressOf(new Uint8Array(buffer, 0, buffer.byteLength));
}

/**
 * Puts the memory of `fd` from `offset` on in the place of `buffer`'s own, which must be growable (only those are
 * page-aligned) and whole pages. Every thread that has the buffer sees the new memory. Returns the address.
 */
export function mapFdOver(buffer: SharedArrayBuffer, fd: number, offset: number): bigint {
  return mapMemory({
    address: mappableAddress(buffer),
    sizeBytes: buffer.byteLength,
    protection: readWrite,
    flags: MapFlag.shared | MapFlag.fixed | MapFlag.noReserve,
    fd,
    offset,
  });
}

/** A new buffer with the memory of `fd` under it. */
export function mapFd(fd: number, offset: number, sizeBytes: number): SharedArrayBuffer {
  const buffer = pageAlignedBuffer(sizeBytes);
  mapFdOver(buffer, fd, offset);
  return buffer;
}

/**
 * Takes away what was mapped over `buffer` and leaves zeroed pages of its own there. munmap would leave a hole that the
 * next view access of any thread dies of, and that an unrelated mapping could come to fill.
 */
export function coverWithZeroPages(buffer: SharedArrayBuffer): void {
  mapMemory({
    address: mappableAddress(buffer),
    sizeBytes: buffer.byteLength,
    protection: readWrite,
    flags: MapFlag.private | MapFlag.fixed | MapFlag.anonymous | MapFlag.noReserve,
    fd: -1,
    offset: 0,
  });
}

function mappableAddress(buffer: SharedArrayBuffer): bigint {
  const address = bufferAddress(buffer);
  if (!buffer.growable || address % BigInt(pageSizeBytes) !== 0n || buffer.byteLength % pageSizeBytes !== 0) {
    throw new RangeError('memory is mapped only over growable SharedArrayBuffers of whole pages');
  }
  return address;
}

/**
 * Memory that threads, KVM, devices and other processes can share: an anonymous file mapped over a growable
 * SharedArrayBuffer. Populated page by page as it is touched, so its size costs nothing by itself.
 *
 * It stays mapped, and its object alive, until {@link close}. Worker threads get `buffer` by `postMessage`; other
 * processes get `fd` and use {@link fromFd}. Make views with an explicit offset and length: length-tracking ones are
 * 5 to 20 times slower.
 */
export class SharedMemory {
  readonly buffer: SharedArrayBuffer;
  readonly fd: number;
  readonly sizeBytes: number;
  /** Of the first byte, in this process; what memory slots and DMA mappings are made from. */
  readonly address: bigint;
  #closed = false;

  private constructor(buffer: SharedArrayBuffer, fd: number, address: bigint) {
    this.buffer = buffer;
    this.fd = fd;
    this.sizeBytes = buffer.byteLength;
    this.address = address;
    open.add(this);
  }

  /**
   * `name` is for /proc/PID/maps. `sizeBytes` is a multiple of 4096. No holder of `fd` can change the size: a process
   * that shrank it would kill the others with SIGBUS.
   */
  static create(name: string, sizeBytes: number): SharedMemory {
    const buffer = pageAlignedBuffer(sizeBytes);
    const fd = createMemoryFile(name, sizeBytes);
    try {
      sealMemoryFile(fd, Seal.shrink | Seal.grow | Seal.seal);
      return new SharedMemory(buffer, fd, mapFdOver(buffer, fd, 0));
    } catch (error) {
      closeFile(fd);
      throw error;
    }
  }

  /** Maps memory that another process created. Takes over `fd`. */
  static fromFd(fd: number, sizeBytes: number): SharedMemory {
    const buffer = pageAlignedBuffer(sizeBytes);
    return new SharedMemory(buffer, fd, mapFdOver(buffer, fd, 0));
  }

  /**
   * Lets go of the memory: `buffer` then holds private zeroes, in every thread, and late reads and writes reach nobody.
   * Take memory slots and DMA mappings away first: a slot would show the guest those private pages, and pinned pages stay
   * with the device. Idempotent.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    coverWithZeroPages(this.buffer);
    closeFile(this.fd);
    open.delete(this);
  }
}
