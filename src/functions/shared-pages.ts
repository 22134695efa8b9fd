import { SharedMemory } from '../linux/index.ts';
import type { AllocatePages } from './function-backend.ts';

/** Page-aligned memory that KVM can show to a guest. */
export const sharedPages: AllocatePages = (name, sizeBytes) => {
  const memory = SharedMemory.create(name, sizeBytes);
  return {
    bytes: new Uint8Array(memory.buffer, 0, sizeBytes),
    address: memory.address,
    close: () => memory.close(),
  };
};
