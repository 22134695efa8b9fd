/** For the tests of the parts below. */
export { PlainGuestMemory } from './plain-guest-memory.ts';
