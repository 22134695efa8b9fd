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
export {
  decodeFromVm,
  decodeResult,
  Descriptor,
  encodeMessage,
  encodeSpec,
  lastWordsIn,
  MAX_MESSAGE_BYTES,
  MAX_TYPED_BYTES,
  PROTOCOL_VERSION,
  type VmEvent,
  type VmOp,
  type VmProcessSpec,
  vmProcessProgram,
  type VmRequest,
  type VmResult,
} from './process/index.ts';
