import type { AllocatePages } from '../function-backend.ts';

let next = 0x7f00_0000_0000n;

/** Pages for tests without a VM: ordinary arrays, whose addresses are unique and page-aligned but mean nothing. */
export const plainPages: AllocatePages = (_name, sizeBytes) => {
  const address = next;
  next += BigInt(sizeBytes);
  return { bytes: new Uint8Array(sizeBytes), address, close: () => undefined };
};
