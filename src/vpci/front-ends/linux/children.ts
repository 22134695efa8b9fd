import type { Slot } from '../../slot.ts';
import type { FunctionDescription } from '../../wire/encode-host.ts';

/** A function that the host has told of and not taken back. */
export interface Child {
  readonly description: FunctionDescription;
  /** From QUERY_RESOURCE_REQUIREMENTS; zeros where the host refused to say. */
  readonly barMasks: readonly number[];
  /** The guest's node; 0 where the host named none, or one that the guest can't have. */
  readonly numaNode: number;
}

/** Linux 6.1 takes a function for the one it knows when all of these agree (pci_devices_present_work). */
export function sameFunction(a: FunctionDescription, b: FunctionDescription): boolean {
  return (
    a.slot === b.slot &&
    a.serial === b.serial &&
    a.identity.vendorId === b.identity.vendorId &&
    a.identity.deviceId === b.identity.deviceId
  );
}

/** How much room the BARs of some functions take, each rounded up to whole pages. Bytes below 4 GiB and above. */
export function barRoom(children: Iterable<Child>): { readonly low: number; readonly high: number } {
  let low = 0n;
  let high = 0n;
  for (const { barMasks } of children) {
    for (let index = 0; index < barMasks.length; index += 1) {
      const mask = BigInt(barMasks[index] ?? 0);
      if (mask === 0n) continue;
      if ((mask & 0x4n) === 0n) {
        low += wholePages(BigInt.asUintN(32, -(mask & ~0xfn)));
      } else {
        index += 1;
        const upper = BigInt(barMasks[index] ?? 0xffff_ffff);
        high += wholePages(BigInt.asUintN(64, -((upper << 32n) | (mask & ~0xfn))));
      }
    }
  }
  return { low: Number(low), high: Number(high) };
}

function wholePages(sizeBytes: bigint): bigint {
  return (sizeBytes + 4095n) & ~4095n;
}

/** Windows begin at a multiple of the largest power of two that is no larger than they are. */
export function windowAlignment(sizeBytes: number): number {
  return 2 ** Math.floor(Math.log2(sizeBytes));
}

/** The functions of one bus, by slot. */
export type Children = Map<Slot, Child>;
