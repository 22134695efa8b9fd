import { readU8, readU16, readU32 } from './config-bytes.ts';
import { CapabilityId, findCapability, standardCapabilities } from './capabilities.ts';
import { MsiControlBit, MsiRegister, MsixControlBit, MsixRegister, barCount, msixEntryBytes } from './registers.ts';

/** The shape of an MSI capability; offsets are from the start of configuration space. */
export interface MsiCapability {
  readonly offset: number;
  /** 1, 2, 4, 8, 16 or 32. */
  readonly vectorCount: number;
  readonly address64: boolean;
  readonly addressLowOffset: number;
  readonly addressHighOffset: number | undefined;
  readonly dataOffset: number;
  /** Undefined without per-vector masking; so is the next. */
  readonly maskOffset: number | undefined;
  readonly pendingOffset: number | undefined;
  readonly sizeBytes: number;
}

/** Undefined where there is none, or its count is one that the specification reserves. */
export function decodeMsiCapability(config: Uint8Array): MsiCapability | undefined {
  const capability = findCapability(standardCapabilities(config), CapabilityId.msi);
  if (capability === undefined) return undefined;
  const { offset } = capability;
  const control = readU16(config, offset + MsiRegister.control);
  const exponent = (control & MsiControlBit.multipleCapableMask) >>> MsiControlBit.multipleCapableShift;
  if (exponent > 5) return undefined;
  const address64 = (control & MsiControlBit.address64) !== 0;
  const masking = (control & MsiControlBit.perVectorMasking) !== 0;
  const dataOffset = offset + (address64 ? 0x0c : 0x08);
  const sizeBytes = (address64 ? 14 : 10) + (masking ? 10 : 0);
  if (offset + sizeBytes > Math.min(config.length, 256)) return undefined;
  return {
    offset,
    vectorCount: 1 << exponent,
    address64,
    addressLowOffset: offset + MsiRegister.addressLow,
    addressHighOffset: address64 ? offset + 8 : undefined,
    dataOffset,
    maskOffset: masking ? dataOffset + 4 : undefined,
    pendingOffset: masking ? dataOffset + 8 : undefined,
    sizeBytes,
  };
}

/** A place in a BAR. */
export interface BarLocation {
  readonly barIndex: number;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** The shape of an MSI-X capability. */
export interface MsixCapability {
  /** In configuration space. */
  readonly offset: number;
  /** 1…2048. */
  readonly vectorCount: number;
  /** 16 bytes a vector. */
  readonly table: BarLocation;
  /** One bit a vector, in whole 64-bit words. */
  readonly pendingBits: BarLocation;
}

/** Undefined where there is none, or it points at BARs that can't exist. */
export function decodeMsixCapability(config: Uint8Array): MsixCapability | undefined {
  const capability = findCapability(standardCapabilities(config), CapabilityId.msix);
  if (capability === undefined) return undefined;
  const { offset } = capability;
  if (offset + 12 > Math.min(config.length, 256)) return undefined;
  const vectorCount = (readU16(config, offset + MsixRegister.control) & MsixControlBit.tableSizeMask) + 1;
  const table = location(config, offset + MsixRegister.table, vectorCount * msixEntryBytes);
  const pendingBits = location(config, offset + MsixRegister.pendingBits, Math.ceil(vectorCount / 64) * 8);
  if (table.barIndex >= barCount || pendingBits.barIndex >= barCount) return undefined;
  return { offset, vectorCount, table, pendingBits };
}

/** Bits 2:0 of such a register number the BAR; the rest is the offset in it. */
function location(config: Uint8Array, offset: number, sizeBytes: number): BarLocation {
  return {
    barIndex: readU8(config, offset) & 0x7,
    offsetBytes: (readU32(config, offset) & ~0x7) >>> 0,
    sizeBytes,
  };
}
