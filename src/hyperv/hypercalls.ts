import type { GuestMemory } from './guest-memory.ts';
import { decodeControl, encodeResult, type HypercallControl, type HypercallRegisters } from './hypercall-control.ts';
import { HypercallCode, POST_MESSAGE_INPUT, SIGNAL_EVENT_INPUT } from './hypercall-inputs.ts';
import type { HypercallRecorder, Tap } from './hypercall-recorder.ts';
import { HypercallStatus } from './hypercall-status.ts';
import {
  decodeRetarget,
  RETARGET_FIXED_BYTES,
  RETARGET_MAX_VARIABLE_UNITS,
  type RetargetRequest,
} from './retarget-interrupt.ts';
import { EVENT_FLAG_COUNT, MAX_MESSAGE_PAYLOAD_BYTES } from './synic-layout.ts';

/** Where a decoded and checked call goes. */
export interface HypercallHandlers {
  /** `messageType` is neither zero nor the hypervisor's own; `payload` is a private copy of at most 240 bytes. */
  postMessage(connectionId: number, messageType: number, payload: Uint8Array): HypercallStatus;
  /** `flag` is below 2048. */
  signalEvent(connectionId: number, flag: number): HypercallStatus;
  retargetInterrupt(request: RetargetRequest): HypercallStatus;
}

export interface HypercallContext {
  readonly memory: GuestMemory;
  readonly vpCount: number;
  readonly handlers: HypercallHandlers;
  readonly tap: Tap<HypercallRecorder>;
}

interface Call {
  /** Bytes of input without the variable header. */
  readonly inputBytes: number;
  readonly maxVariableUnits: number;
  readonly run: (input: Uint8Array, context: HypercallContext) => HypercallStatus;
}

const PAGE_SIZE_BYTES = 4096;
/** Two registers; XMM input isn't offered. */
const MAX_FAST_INPUT_BYTES = 16;

/** Message types that only the hypervisor itself may use. */
const HYPERVISOR_MESSAGE_TYPE = 0x80000000;

const CALLS: ReadonlyMap<number, Call> = new Map([
  [HypercallCode.POST_MESSAGE, { inputBytes: POST_MESSAGE_INPUT.sizeBytes, maxVariableUnits: 0, run: postMessage }],
  [HypercallCode.SIGNAL_EVENT, { inputBytes: SIGNAL_EVENT_INPUT.sizeBytes, maxVariableUnits: 0, run: signalEvent }],
  [
    HypercallCode.RETARGET_INTERRUPT,
    { inputBytes: RETARGET_FIXED_BYTES, maxVariableUnits: RETARGET_MAX_VARIABLE_UNITS, run: retargetInterrupt },
  ],
]);

/** Carries a hypercall of `vp` out. Whatever the registers hold, it ends with a result for RAX. */
export function runHypercall(vp: number, registers: HypercallRegisters, context: HypercallContext): bigint {
  const checked = checkedCall(registers, context.memory);
  const { recorder } = context.tap;
  recorder?.hypercall(vp, registers, typeof checked === 'number' ? undefined : checked.input);
  const result = encodeResult(typeof checked === 'number' ? checked : checked.call.run(checked.input, context));
  recorder?.hypercallEnded(result);
  return result;
}

/** The call and what it takes in, copied; or why there is no such call. */
function checkedCall(
  registers: HypercallRegisters,
  memory: GuestMemory,
): { readonly call: Call; readonly input: Uint8Array } | HypercallStatus {
  const control = decodeControl(registers.control);
  const call = CALLS.get(control.callCode);
  if (call === undefined) {
    return HypercallStatus.INVALID_HYPERCALL_CODE;
  }
  if (!controlFits(control, call)) {
    return HypercallStatus.INVALID_HYPERCALL_INPUT;
  }
  const sizeBytes = call.inputBytes + control.variableHeaderSize * 8;
  const input = control.fast ? fastInput(registers, sizeBytes) : memoryInput(registers, sizeBytes, memory);
  return typeof input === 'number' ? input : { call, input };
}

/** None of the calls repeats. */
function controlFits(control: HypercallControl, call: Call): boolean {
  return (
    !control.reservedBitsSet &&
    control.repCount === 0 &&
    control.repStartIndex === 0 &&
    control.variableHeaderSize <= call.maxVariableUnits
  );
}

function fastInput({ input, output }: HypercallRegisters, sizeBytes: number): Uint8Array | HypercallStatus {
  if (sizeBytes > MAX_FAST_INPUT_BYTES) {
    return HypercallStatus.INVALID_HYPERCALL_INPUT;
  }
  const bytes = new Uint8Array(MAX_FAST_INPUT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt.asUintN(64, input), true);
  view.setBigUint64(8, BigInt.asUintN(64, output), true);
  return bytes.subarray(0, sizeBytes);
}

/** Copies the input out before anybody looks at it: the guest may be changing it. */
function memoryInput(
  { input }: HypercallRegisters,
  sizeBytes: number,
  memory: GuestMemory,
): Uint8Array | HypercallStatus {
  if (input < 0n || input > BigInt(Number.MAX_SAFE_INTEGER)) {
    return HypercallStatus.INVALID_ALIGNMENT;
  }
  const gpa = Number(input);
  const bytes = new Uint8Array(sizeBytes);
  // The TLFS has one status for misaligned, across a page, and outside guest memory.
  const fits = gpa % 8 === 0 && (gpa % PAGE_SIZE_BYTES) + sizeBytes <= PAGE_SIZE_BYTES && memory.copyOut(gpa, bytes);
  return fits ? bytes : HypercallStatus.INVALID_ALIGNMENT;
}

function postMessage(input: Uint8Array, { handlers }: HypercallContext): HypercallStatus {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const fields = POST_MESSAGE_INPUT.fields;
  const messageType = view.getUint32(fields.messageType.offset, true);
  const payloadSize = view.getUint32(fields.payloadSize.offset, true);
  if (messageType === 0 || messageType >= HYPERVISOR_MESSAGE_TYPE || payloadSize > MAX_MESSAGE_PAYLOAD_BYTES) {
    return HypercallStatus.INVALID_PARAMETER;
  }
  const payload = input.slice(fields.payload.offset, fields.payload.offset + payloadSize);
  return handlers.postMessage(view.getUint32(fields.connectionId.offset, true), messageType, payload);
}

function signalEvent(input: Uint8Array, { handlers }: HypercallContext): HypercallStatus {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const flag = view.getUint16(SIGNAL_EVENT_INPUT.fields.flag.offset, true);
  if (flag >= EVENT_FLAG_COUNT) {
    return HypercallStatus.INVALID_PARAMETER;
  }
  return handlers.signalEvent(view.getUint32(SIGNAL_EVENT_INPUT.fields.connectionId.offset, true), flag);
}

function retargetInterrupt(input: Uint8Array, { handlers, vpCount }: HypercallContext): HypercallStatus {
  const request = decodeRetarget(input, vpCount);
  return typeof request === 'number' ? request : handlers.retargetInterrupt(request);
}
