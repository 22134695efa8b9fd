/** A machine without a hypervisor for tests of front ends. */
export { GuestHardware } from './guest-hardware.ts';
export { type LentNvme, lentNvme } from './lend-nvme.ts';
export { type ModelEvent, type ModelFunction, ModelMachine } from './model-machine.ts';
export { type GuestKind, type ModelGuest, World } from './world.ts';
export { LifeOverRings } from './life-over-rings.ts';
