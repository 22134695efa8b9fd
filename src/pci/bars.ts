import { readU32 } from './config-bytes.ts';
import { BarBit, HeaderRegister, barCount } from './registers.ts';

export type BarKind = 'memory32' | 'memory64' | 'io';

/** One BAR as its register's low bits describe it. A `memory64` BAR takes the next register too. */
export interface BarType {
  readonly index: number;
  readonly kind: BarKind;
  readonly prefetchable: boolean;
}

/**
 * The kinds of an endpoint's BARs, from the type bits of the registers at `config`. A register that reads 0 is listed as
 * `memory32`: only its size (0) tells that it doesn't exist, so callers drop those they know no size of.
 */
export function decodeBarTypes(config: Uint8Array): BarType[] {
  const types: BarType[] = [];
  for (let index = 0; index < barCount; index += 1) {
    const low = readU32(config, HeaderRegister.bar0 + 4 * index);
    if ((low & BarBit.ioSpace) !== 0) {
      types.push({ index, kind: 'io', prefetchable: false });
      continue;
    }
    // A 64-bit type in the last register has no upper half: the specification has no such BAR.
    const wide = (low & BarBit.memoryTypeMask) === BarBit.memory64 && index + 1 < barCount;
    types.push({ index, kind: wide ? 'memory64' : 'memory32', prefetchable: (low & BarBit.prefetchable) !== 0 });
    if (wide) index += 1;
  }
  return types;
}

/** What a BAR's register, and for 64 bits the next one, read after all ones were written to them. */
export interface BarSizingMask {
  readonly low: number;
  /** Undefined for BARs of one register. */
  readonly high: number | undefined;
}

/** `sizeBytes`: a power of two of at least 16 (memory) or 4 (I/O). */
export function barSizingMask(type: { kind: BarKind; prefetchable: boolean }, sizeBytes: number): BarSizingMask {
  const addressMask = BigInt.asUintN(64, -BigInt(sizeBytes));
  const low = Number(addressMask & 0xffff_ffffn);
  if (type.kind === 'io') return { low: (low | BarBit.ioSpace) >>> 0, high: undefined };
  const flags = (type.kind === 'memory64' ? BarBit.memory64 : 0) | (type.prefetchable ? BarBit.prefetchable : 0);
  return {
    low: (low | flags) >>> 0,
    high: type.kind === 'memory64' ? Number(addressMask >> 32n) : undefined,
  };
}

/** The size that a sizing read shows; 0 for a BAR that doesn't exist. The inverse of {@link barSizingMask}. */
export function barSizeFromMask(mask: BarSizingMask): number {
  const io = (mask.low & BarBit.ioSpace) !== 0;
  // I/O BARs may leave their upper 16 bits out and read 0 there (PCI Local Bus Specification 3.0, 6.2.5.1).
  const filled = io && mask.low >>> 16 === 0 ? mask.low | 0xffff_0000 : mask.low;
  const low = (filled & ~(io ? BarBit.ioFlagsMask : BarBit.memoryFlagsMask)) >>> 0;
  const address = (BigInt(mask.high ?? 0xffff_ffff) << 32n) | BigInt(low);
  if (low === 0 && (mask.high ?? 0) === 0) return 0;
  return Number(BigInt.asUintN(64, -address));
}
