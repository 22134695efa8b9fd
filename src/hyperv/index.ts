/** The contract between a guest and its hypervisor. See README.md. */
export type { GuestMemory, GuestPage } from './guest-memory.ts';
export { PlainGuestMemory } from './testing/plain-guest-memory.ts';
export type { RamRange } from './testing/plain-guest-memory.ts';
