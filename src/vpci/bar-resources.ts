import type { BarShape } from '../functions/index.ts';
import { cells, joinCells } from './wire/shape.ts';
import { BAR_RESOURCE, CELLS } from './wire/structures.ts';

/** Where a BAR is, or is to be. */
export interface BarResource {
  readonly address: bigint;
  readonly lengthBytes: bigint;
}

/** Six entries, by BAR register; the second register of a 64-bit BAR has none. */
export type BarResources = readonly (BarResource | undefined)[];

/** CM_PARTIAL_RESOURCE_DESCRIPTOR types, Windows wdm.h. */
const KIND_NONE = 0;
const KIND_MEMORY = 3;
const KIND_MEMORY_LARGE = 7;

/** Flag bits of large memory with the shift each stands for. */
const LARGE_SHIFTS = [
  { flag: 1 << 9, shift: 8n },
  { flag: 1 << 10, shift: 16n },
  { flag: 1 << 11, shift: 32n },
] as const;

const { cellBytes } = CELLS.barResource;

/** Reads six BAR resources; a text says what is wrong with them. Lengths of 0 mean "none", as Linux sends them. */
export function decodeBarResources(bytes: Uint8Array): BarResources | string {
  const resources: (BarResource | undefined)[] = [];
  for (const [index, cell] of cells(bytes, cellBytes, 6).entries()) {
    const { kind, flags, address, lengthBytes } = BAR_RESOURCE.decode(cell);
    let shift = 0n;
    if (kind === KIND_MEMORY_LARGE) {
      const large = LARGE_SHIFTS.find((candidate) => (flags & candidate.flag) !== 0);
      if (large === undefined) return `resource ${index} is large memory without a size class`;
      shift = large.shift;
    } else if (kind !== KIND_MEMORY && kind !== KIND_NONE) {
      return `resource ${index} has type ${kind}, which is no memory`;
    }
    const length = BigInt(lengthBytes) << shift;
    resources.push(kind === KIND_NONE || length === 0n ? undefined : { address, lengthBytes: length });
  }
  return resources;
}

export function encodeBarResources(resources: BarResources): Uint8Array<ArrayBuffer> {
  const encoded = resources.map((resource) => {
    if (resource === undefined) return BAR_RESOURCE.encode({ kind: KIND_NONE });
    const { address, lengthBytes } = resource;
    if (lengthBytes < 1n << 32n)
      return BAR_RESOURCE.encode({ kind: KIND_MEMORY, address, lengthBytes: Number(lengthBytes) });
    // A longer one is told in units of its size class, rounded up.
    const large = LARGE_SHIFTS.find(({ shift }) => lengthBytes <= 0xffff_ffffn << shift) ?? LARGE_SHIFTS[2];
    const units = (lengthBytes + (1n << large.shift) - 1n) >> large.shift;
    return BAR_RESOURCE.encode({ kind: KIND_MEMORY_LARGE, flags: large.flag, address, lengthBytes: Number(units) });
  });
  return joinCells(encoded, cellBytes);
}

/** What keeps a function with these BARs from being placed so; undefined = nothing. */
export function misplacedBar(resources: BarResources, bars: readonly BarShape[]): string | undefined {
  for (const [index, resource] of resources.entries()) {
    if (resource === undefined) continue;
    const bar = bars.find((candidate) => candidate.index === index);
    if (bar === undefined) return `there is no BAR ${index}`;
    const size = BigInt(bar.sizeBytes);
    if (resource.lengthBytes > size) return `BAR ${index} has ${size} bytes, not ${resource.lengthBytes}`;
    if (resource.address % size !== 0n)
      return `BAR ${index} can't begin at 0x${resource.address.toString(16)}: not aligned`;
    const end = resource.address + size;
    if (end > 1n << (bar.kind === 'memory32' ? 32n : 64n))
      return `BAR ${index} at 0x${resource.address.toString(16)} ends too high`;
  }
  return undefined;
}
