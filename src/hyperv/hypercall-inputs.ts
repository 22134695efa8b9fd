/** Layouts of what hypercalls take in: TLFS "Hypercall Reference"; the retarget call from Linux 6.1 include/asm-generic/hyperv-tlfs.h. */
import { bytes, type Fields, Layout, u16, u32, u64 } from './layout.ts';
import { MAX_MESSAGE_PAYLOAD_BYTES } from './synic-layout.ts';

/** TLFS "Hypercall Reference"; RETARGET is from Linux 6.1 include/asm-generic/hyperv-tlfs.h. */
export const HypercallCode = { POST_MESSAGE: 0x5c, SIGNAL_EVENT: 0x5d, RETARGET_INTERRUPT: 0x7e } as const;

/** HV_INPUT_POST_MESSAGE. */
export const POST_MESSAGE_INPUT = new Layout(
  'HvCallPostMessage',
  'TLFS, HV_INPUT_POST_MESSAGE',
  16 + MAX_MESSAGE_PAYLOAD_BYTES,
  {
    connectionId: u32(0, 'connection that it is posted to'),
    messageType: u32(8, 'SynIC message type; neither 0 nor the hypervisor’s own'),
    payloadSize: u32(12, 'bytes of the payload that count'),
    payload: bytes(16, MAX_MESSAGE_PAYLOAD_BYTES, 'the message'),
  },
);

/** HV_INPUT_SIGNAL_EVENT. */
export const SIGNAL_EVENT_INPUT = new Layout('HvCallSignalEvent', 'TLFS, HV_INPUT_SIGNAL_EVENT', 8, {
  connectionId: u32(0, 'connection that it is signalled to'),
  flag: u16(4, 'event flag'),
});

/** The fixed part, as it is without a processor set. */
export const RETARGET_INPUT = new Layout(
  'HvCallRetargetDeviceInterrupt',
  'Linux 6.1 include/asm-generic/hyperv-tlfs.h, hv_retarget_device_interrupt',
  56,
  {
    partitionId: u64(0, 'all ones: the caller’s own'),
    deviceId: u64(8, 'from the instance GUID of the vPCI channel and the function number'),
    source: u32(16, '1 = MSI'),
    addressLow: u32(24, 'low half of the address of the interrupt’s message'),
    data: u32(28, 'data of the interrupt’s message'),
    vector: u32(40, 'vector that it shall have from now on'),
    flags: u32(44, 'bit 0: to all of the VPs named; bit 1: a processor set follows'),
    vpMask: u64(48, 'VPs 0 to 63; with a processor set its format: 0 = sparse, 1 = all'),
  },
);

/** With a processor set, whose banks of 64 VPs follow: one `u64` for each bit of the bank mask. */
export const RETARGET_INPUT_WITH_SET = new Layout('HvCallRetargetDeviceInterrupt', RETARGET_INPUT.source, 64, {
  ...RETARGET_INPUT.fields,
  validBankMask: u64(56, 'which banks follow'),
});

/** By call code: every form that its input can have, the longest first. */
export const HYPERCALL_INPUTS: ReadonlyMap<number, readonly Layout<Fields>[]> = new Map<
  number,
  readonly Layout<Fields>[]
>([
  [HypercallCode.POST_MESSAGE, [POST_MESSAGE_INPUT]],
  [HypercallCode.SIGNAL_EVENT, [SIGNAL_EVENT_INPUT]],
  [HypercallCode.RETARGET_INTERRUPT, [RETARGET_INPUT_WITH_SET, RETARGET_INPUT]],
]);
