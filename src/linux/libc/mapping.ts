import { bindInt, bindLong, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';

/** Protections and flags of mmap(2). Linux include/uapi/asm-generic/mman-common.h and mman.h. */
export const Protection = { none: 0, read: 1, write: 2 } as const;
export const MapFlag = { shared: 1, private: 2, fixed: 0x10, anonymous: 0x20, noReserve: 0x4000 } as const;

const nativeMmap = bindLong('mmap', ['uintptr_t', 'size_t', 'int', 'int', 'int', 'int64']);
const nativeMunmap = bindInt('munmap', ['uintptr_t', 'size_t']);

/** What to map. `fd` −1 with {@link MapFlag.anonymous}; `address` 0n lets the kernel choose. */
export interface MappingRequest {
  readonly address: bigint;
  readonly sizeBytes: number;
  readonly protection: number;
  readonly flags: number;
  readonly fd: number;
  readonly offset: number;
}

/** mmap(2): the address. */
export function mapMemory(request: MappingRequest): bigint {
  const { address, sizeBytes, protection, flags, fd, offset } = request;
  const result = nativeMmap(address, sizeBytes, protection, flags, fd, offset);
  if (result === -1 || result === -1n) {
    throw new SystemCallError(lastErrno(), 'mmap', `${sizeBytes} bytes of descriptor ${fd} at offset ${offset}`);
  }
  return BigInt(result);
}

export function unmapMemory(address: bigint, sizeBytes: number): void {
  if (nativeMunmap(address, sizeBytes) < 0) {
    throw new SystemCallError(lastErrno(), 'munmap', `${sizeBytes} bytes at 0x${address.toString(16)}`);
  }
}
