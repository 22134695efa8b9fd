export { Descriptor } from './descriptors.ts';
export { GATE_MESSAGE, type GateMessage, gateMessageOf } from './gate.ts';
export { lastWordsIn } from './last-words.ts';
export { vmProcessProgram } from './program.ts';
export {
  decodeFromVm,
  decodeResult,
  encodeMessage,
  MAX_MESSAGE_BYTES,
  MAX_TYPED_BYTES,
  PROTOCOL_VERSION,
  type VmEvent,
  type VmOp,
  type VmRequest,
  type VmResult,
} from './protocol.ts';
export { filterFor } from './lockup/filter.ts';
export { encodeSpec, type VmProcessSpec } from './spec.ts';
