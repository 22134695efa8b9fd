import type { BarShape } from '../functions/index.ts';

const MEMORY_64 = 0x4;
const PREFETCHABLE = 0x8;

/**
 * What each of the six BAR registers reads after all ones were written to it, type bits included: the answer to
 * QUERY_RESOURCE_REQUIREMENTS. 0 = no BAR.
 *
 * Throws RangeError for shapes that no function can have (an index taken twice, a size that isn't a power of two of at
 * least a page): those come from a kind of function, never from a guest.
 */
export function barMasks(bars: readonly BarShape[]): readonly number[] {
  const masks: (number | undefined)[] = [undefined, undefined, undefined, undefined, undefined, undefined];
  const put = (index: number, mask: number): void => {
    if (!Number.isInteger(index) || index < 0 || index > 5) throw new RangeError(`No BAR register ${index} (0…5)`);
    if (masks[index] !== undefined) throw new RangeError(`BAR register ${index} belongs to two BARs`);
    masks[index] = mask;
  };
  for (const bar of bars) {
    const size = BigInt(bar.sizeBytes);
    const is32 = bar.kind === 'memory32';
    if (size < 4096n || (size & (size - 1n)) !== 0n || (is32 && size > 1n << 31n)) {
      throw new RangeError(`BAR ${bar.index} can't have ${bar.sizeBytes} bytes (a power of two, at least 4096)`);
    }
    const mask = BigInt.asUintN(64, -size);
    const kindBits = (is32 ? 0 : MEMORY_64) | (bar.prefetchable ? PREFETCHABLE : 0);
    put(bar.index, Number(mask & 0xffff_ffffn) + kindBits);
    if (!is32) put(bar.index + 1, Number(mask >> 32n));
  }
  return masks.map((mask) => mask ?? 0);
}
