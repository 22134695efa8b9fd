import { Advice, adviseMemory, populateMemory } from './libc/advice.ts';
import { MapFlag, mapMemory, Protection } from './libc/mapping.ts';
import { bufferAddress, coverWithZeroPages } from './shared-memory.ts';

const pageSizeBytes = 4096;
const hugePageSizeBytes = 2 * 1024 * 1024;
/**
 * So much that the calls don't count, so little that nobody waits for one long: neither closing, nor another thread of the process that
 * changes what is mapped, or touches a page for the first time behind that one.
 */
const populatedAtOnceBytes = 16 * 1024 * 1024;

/** Memories that are open; see {@link PrivateMemory}. */
const open = new Set<PrivateMemory>();

/**
 * Memory of this process and its threads alone, in huge pages where the kernel has them: 512 times fewer faults when it is
 * first touched or pinned, and fewer steps in a guest's page walks. No child process inherits it, so a fork never copies
 * pages that a device has pinned.
 *
 * `buffer` has room before and after it: `offset` is where the memory begins, at a huge page's boundary. Populated as it
 * is touched. It stays mapped, and its object alive, until {@link close}: KVM and devices hold its address.
 */
export class PrivateMemory {
  readonly buffer: SharedArrayBuffer;
  readonly offset: number;
  readonly sizeBytes: number;
  /** Of the first byte, in this process. */
  readonly address: bigint;
  #closed = false;
  #wanted = true;

  private constructor(buffer: SharedArrayBuffer, offset: number, sizeBytes: number) {
    this.buffer = buffer;
    this.offset = offset;
    this.sizeBytes = sizeBytes;
    this.address = bufferAddress(buffer) + BigInt(offset);
    open.add(this);
  }

  /** `sizeBytes`: whole 4096-byte pages. */
  static create(sizeBytes: number): PrivateMemory {
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % pageSizeBytes !== 0) {
      throw new RangeError(`memory is made of whole ${pageSizeBytes}-byte pages; ${sizeBytes} bytes were asked for`);
    }
    const room = sizeBytes + hugePageSizeBytes;
    // Growable, because only such a buffer begins at a page's boundary; it never grows.
    const buffer = new SharedArrayBuffer(room, { maxByteLength: room });
    const misaligned = Number(bufferAddress(buffer) % BigInt(hugePageSizeBytes));
    const memory = new PrivateMemory(buffer, misaligned === 0 ? 0 : hugePageSizeBytes - misaligned, sizeBytes);
    mapMemory({
      address: memory.address,
      sizeBytes,
      protection: Protection.read | Protection.write,
      flags: MapFlag.private | MapFlag.fixed | MapFlag.anonymous | MapFlag.noReserve,
      fd: -1,
      offset: 0,
    });
    adviseMemory(memory.address, sizeBytes, Advice.hugePage);
    adviseMemory(memory.address, sizeBytes, Advice.dontFork);
    return memory;
  }

  /**
   * Puts pages behind all of it now, a part at a time on another thread, so that nobody has to wait for it later, such as a device that
   * pins it. Stops at {@link stopPopulating} and at {@link close}. False: not all of it; what is missing comes when it is touched, as ever.
   */
  async populate(): Promise<boolean> {
    for (let at = 0; at < this.sizeBytes; at += populatedAtOnceBytes) {
      if (!this.#wanted) return false;
      const sizeBytes = Math.min(populatedAtOnceBytes, this.sizeBytes - at);
      if (!(await populateMemory(this.address + BigInt(at), sizeBytes))) return false;
    }
    return true;
  }

  /** From now on {@link populate} does no more. */
  stopPopulating(): void {
    this.#wanted = false;
  }

  /** Lets go of the memory: `buffer` then holds fresh zeroes. Take memory slots and DMA mappings away first. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.stopPopulating();
    coverWithZeroPages(this.buffer);
    open.delete(this);
  }
}
