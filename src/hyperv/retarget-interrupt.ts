import { RETARGET_INPUT, RETARGET_INPUT_WITH_SET } from './hypercall-inputs.ts';
import { HypercallStatus } from './hypercall-status.ts';
import { FIRST_VALID_VECTOR } from './synic-layout.ts';

/** What HvCallRetargetDeviceInterrupt asks: send the interrupt that has this message to that vector on one of these VPs. */
export interface RetargetRequest {
  /** From the instance GUID of the vPCI channel and the function number. */
  readonly deviceId: number;
  /** The interrupt's message as the host handed it out; of the address the low 32 bits. */
  readonly message: { readonly addressLow: number; readonly data: number };
  /** 16 to 255. */
  readonly vector: number;
  /** At least one, ascending, each of them a VP of this partition. */
  readonly vps: readonly number[];
  /** The guest wants it on all of `vps`; otherwise on any one. */
  readonly multicast: boolean;
}

/** What stands where. */
const { fields } = RETARGET_INPUT_WITH_SET;
/** Without a processor set that is all; its bank mask and banks are the variable header. */
export const RETARGET_FIXED_BYTES: number = RETARGET_INPUT.sizeBytes;
/** The bank mask and 64 banks. */
export const RETARGET_MAX_VARIABLE_UNITS = 65;

const PARTITION_SELF = 0xffffffffffffffffn;
const SOURCE_MSI = 1;
const Flags = { MULTICAST: 1, PROCESSOR_SET: 2, ALL: 3 } as const;
/** HV_GENERIC_SET_FORMAT. */
const SetFormat = { SPARSE_4K: 0n, ALL: 1n } as const;
const BANK_VPS = 64;

/**
 * @param input a private copy of the whole input: fixed part and variable header.
 * @param vpCount VPs in the partition, at most 64 × 64.
 */
export function decodeRetarget(input: Uint8Array, vpCount: number): RetargetRequest | HypercallStatus {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (view.getBigUint64(fields.partitionId.offset, true) !== PARTITION_SELF) {
    return HypercallStatus.INVALID_PARTITION_ID;
  }
  const deviceId = view.getBigUint64(fields.deviceId.offset, true);
  const vector = view.getUint32(fields.vector.offset, true);
  const flags = view.getUint32(fields.flags.offset, true);
  if (
    deviceId > 0xffffffffn ||
    view.getUint32(fields.source.offset, true) !== SOURCE_MSI ||
    vector < FIRST_VALID_VECTOR ||
    vector > 0xff ||
    (flags & ~Flags.ALL) !== 0
  ) {
    return HypercallStatus.INVALID_PARAMETER;
  }
  const vps = (flags & Flags.PROCESSOR_SET) === 0 ? decodeMask(view, vpCount) : decodeSet(view, vpCount);
  if (typeof vps === 'number') {
    return vps;
  }
  if (vps.length === 0) {
    return HypercallStatus.INVALID_PARAMETER;
  }
  return {
    deviceId: Number(deviceId),
    message: {
      addressLow: view.getUint32(fields.addressLow.offset, true),
      data: view.getUint32(fields.data.offset, true),
    },
    vector,
    vps,
    multicast: (flags & Flags.MULTICAST) !== 0,
  };
}

function decodeMask(view: DataView, vpCount: number): number[] | HypercallStatus {
  if (view.byteLength !== RETARGET_FIXED_BYTES) {
    return HypercallStatus.INVALID_HYPERCALL_INPUT;
  }
  return checked(vpsOfBank(0, view.getBigUint64(fields.vpMask.offset, true)), vpCount);
}

function decodeSet(view: DataView, vpCount: number): number[] | HypercallStatus {
  const format = view.getBigUint64(fields.vpMask.offset, true);
  if (format === SetFormat.ALL) {
    return Array.from({ length: vpCount }, (_, vp) => vp);
  }
  if (format !== SetFormat.SPARSE_4K) {
    return HypercallStatus.INVALID_PARAMETER;
  }
  if (view.byteLength < RETARGET_INPUT_WITH_SET.sizeBytes) {
    return HypercallStatus.INVALID_HYPERCALL_INPUT;
  }
  const banks = vpsOfBank(0, view.getBigUint64(fields.validBankMask.offset, true));
  // Banks may be empty, but each one announced takes its 8 bytes, and there is nothing behind them.
  if (view.byteLength !== RETARGET_INPUT_WITH_SET.sizeBytes + banks.length * 8) {
    return HypercallStatus.INVALID_HYPERCALL_INPUT;
  }
  const vps = banks.flatMap((bank, index) =>
    vpsOfBank(bank, view.getBigUint64(RETARGET_INPUT_WITH_SET.sizeBytes + index * 8, true)),
  );
  return checked(vps, vpCount);
}

/** The set bits of one 64-bit mask, ascending, counted from `bank` × 64. */
function vpsOfBank(bank: number, mask: bigint): number[] {
  const vps: number[] = [];
  // In halves that are plain numbers: a mask is looked at bit by bit.
  const [low, high] = [Number(mask & 0xffff_ffffn), Number(mask >> 32n)];
  for (let bit = 0; bit < BANK_VPS; bit++) {
    if ((((bit < 32 ? low : high) >>> (bit & 31)) & 1) === 1) vps.push(bank * BANK_VPS + bit);
  }
  return vps;
}

function checked(vps: number[], vpCount: number): number[] | HypercallStatus {
  return vps.every((vp) => vp < vpCount) ? vps : HypercallStatus.INVALID_VP_INDEX;
}
