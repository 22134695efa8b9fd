export { type Assignment, type EjectOutcome } from './assignment/assignment.ts';
export {
  BootError,
  BootErrorCode,
  GuestLine,
  guestInitrd,
  type KernelFile,
  ModuleTree,
  readKernel,
} from './boot/index.ts';
export { writeCpio, type CpioEntry } from './boot/index.ts';
export { describeEnd, type MachineEnd } from './machine-end.ts';
export {
  type ExitCounts,
  type MachineEvents,
  type MachineLogEntry,
  type MachineResources,
  VirtualMachine,
} from './machine.ts';
export type { MachineOptions } from './machine-options.ts';
