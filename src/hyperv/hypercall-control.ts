import type { HypercallStatus } from './hypercall-status.ts';

/** The registers of a hypercall as the exit carries them. */
export interface HypercallRegisters {
  /** RCX. */
  readonly control: bigint;
  /** RDX: address of the input, or the first fast input. */
  readonly input: bigint;
  /** R8: address of the output, or the second fast input. No call here has one, and Linux leaves rubbish in it. */
  readonly output: bigint;
}

/** The hypercall input value, RCX (TLFS "Hypercall Inputs"). */
export interface HypercallControl {
  readonly callCode: number;
  /** Inputs are in RDX and R8 instead of memory. */
  readonly fast: boolean;
  /** Length of the variable part of the header, in units of 8 bytes. */
  readonly variableHeaderSize: number;
  readonly repCount: number;
  readonly repStartIndex: number;
  /** A bit that must be zero isn't; among them bit 31, "for the outer hypervisor", since there is none. */
  readonly reservedBitsSet: boolean;
}

const RESERVED = field(-1n, 27, 31) | field(-1n, 44, 47) | field(-1n, 60, 63);

/** Bits above 63 are ignored: the register has none. */
export function decodeControl(control: bigint): HypercallControl {
  return {
    callCode: read(control, 0, 15),
    fast: read(control, 16, 16) === 1,
    variableHeaderSize: read(control, 17, 26),
    repCount: read(control, 32, 43),
    repStartIndex: read(control, 48, 59),
    reservedBitsSet: (control & RESERVED) !== 0n,
  };
}

/** The hypercall result value, RAX: 15:0 status, 43:32 repetitions done. */
export function encodeResult(status: HypercallStatus, repsCompleted = 0): bigint {
  return (BigInt(repsCompleted) << 32n) | BigInt(status);
}

function field(value: bigint, low: number, high: number): bigint {
  return BigInt.asUintN(high - low + 1, value) << BigInt(low);
}

function read(value: bigint, low: number, high: number): number {
  return Number(BigInt.asUintN(high - low + 1, value >> BigInt(low)));
}
