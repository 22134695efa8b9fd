export { Descriptor } from './descriptors.ts';
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
export { encodeSpec, type VmProcessSpec } from './spec.ts';
