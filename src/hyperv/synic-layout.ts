/** TLFS "Virtual Interrupt Control"; Linux 6.1 include/asm-generic/hyperv-tlfs.h (hv_message, hv_synic_event_flags). */
export const SINT_COUNT = 16;
export const MAX_MESSAGE_PAYLOAD_BYTES = 240;
export const EVENT_FLAG_COUNT = 2048;

/** SIMP and SIEFP alike: SINT n's 256 bytes stand at n × 256, that is 64 words of 32 bits. */
export const SLOT_WORDS = 64;

/** A message slot, in 32-bit words from its beginning. */
export const MessageWord = {
  /** 0 = the slot is free. */
  TYPE: 0,
  /** 7:0 payload size, 15:8 flags, 31:16 reserved. */
  SIZE_AND_FLAGS: 1,
  /** 64 bits. */
  SENDER: 2,
  PAYLOAD: 4,
} as const;

/** In MessageWord.SIZE_AND_FLAGS: another message waits; write EOM when this slot is free. */
export const MESSAGE_PENDING = 1 << 8;
export const MESSAGE_TYPE_NONE = 0;

/** HV_SYNIC_SINT. */
export const SintBits = { VECTOR: 0xffn, MASKED: 1n << 16n, POLLING: 1n << 18n } as const;
export const SINT_RESET_VALUE: bigint = SintBits.MASKED;
/** Lower ones are the CPU's own exceptions. */
export const FIRST_VALID_VECTOR = 16;
export const SCONTROL_ENABLE = 1n;
export const SYNIC_VERSION = 1n;
