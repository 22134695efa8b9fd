/**
 * Where VMBus lives in the hypervisor's address spaces: SINTs, connection ids, relids.
 * Source: Linux 6.1 include/linux/hyperv.h and drivers/hv/hyperv_vmbus.h.
 */

/** The synthetic interrupt source that carries channel messages and event flags (VMBUS_MESSAGE_SINT). */
export const VMBUS_SINT = 2;

/** The only message type of VMBus, in HvPostMessage and in the message slot. */
export const VMBUS_MESSAGE_TYPE = 1;

/** The most payload a message can carry (HV_MESSAGE_PAYLOAD_BYTE_COUNT). */
export const MAX_MESSAGE_BYTES = 240;

/** Connection ids that reach VMBus by HvPostMessage. */
export const PostConnection = {
  /** Every message of protocols before 5.0, and what we tell guests of 5.0 and later to use after the contact. */
  messages: 1,
  /** INITIATE_CONTACT of protocols from 5.0 on. */
  contact: 4,
} as const;

/** Relids are event-flag numbers: flag 0 is skipped by guests, a SINT has 2048. */
export const MIN_RELID = 1;
export const MAX_RELID = 2047;
export const EVENT_FLAG_COUNT = 2048;

/** "Don't interrupt me" as the target VP of a channel (OpenVMM's VP_INDEX_DISABLE_INTERRUPT). */
export const NO_INTERRUPT_VP = 0xffff_ffff;

/** The channel's connection id for HvSignalEvent is the host's choice; this one shows relid and SINT when read in hex. */
export function signalConnectionId(relid: number): number {
  return (VMBUS_SINT << 12) | relid;
}

/** The relid whose channel is signalled by `connectionId`, or undefined for ids that never name a channel. */
export function relidOfSignalConnection(connectionId: number): number | undefined {
  const relid = connectionId - (VMBUS_SINT << 12);
  return relid >= MIN_RELID && relid <= MAX_RELID ? relid : undefined;
}
