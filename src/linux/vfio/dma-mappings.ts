import { VfioError } from './vfio-error.ts';

/** A range of DMA addresses and the memory of this process that a device finds there. */
export interface DmaMapping {
  readonly iova: number;
  readonly sizeBytes: number;
  readonly hostAddress: bigint;
}

/** For errors. */
export function describeMapping({ iova, sizeBytes }: DmaMapping): string {
  return `${sizeBytes} bytes at 0x${iova.toString(16)}`;
}

/**
 * Which DMA mappings are in force and how often each was asked for: the devices of one VM share them, and each asks for
 * guest memory when it is attached and lets go when it is detached.
 */
export class DmaMappings {
  readonly #holds = new Map<number, { mapping: DmaMapping; count: number }>();

  /** True: this is the first hold, so the mapping is to be made now. Throws {@link VfioError} `vfio-dma-overlap`. */
  hold(mapping: DmaMapping): boolean {
    const held = this.#holds.get(mapping.iova);
    if (held !== undefined && same(held.mapping, mapping)) {
      held.count += 1;
      return false;
    }
    for (const { mapping: other } of this.#holds.values()) {
      if (mapping.iova < other.iova + other.sizeBytes && other.iova < mapping.iova + mapping.sizeBytes) {
        throw new VfioError(
          'vfio-dma-overlap',
          `DMA addresses ${range(mapping)} can not be mapped: ${range(other)} are mapped to other memory. Unmap those first.`,
        );
      }
    }
    this.#holds.set(mapping.iova, { mapping, count: 1 });
    return true;
  }

  /** True: this was the last hold, so the mapping is to be taken away now. A range that isn't held is no error: false. */
  release(iova: number, sizeBytes: number): boolean {
    const held = this.#holds.get(iova);
    if (held === undefined || held.mapping.sizeBytes !== sizeBytes) return false;
    held.count -= 1;
    if (held.count > 0) return false;
    this.#holds.delete(iova);
    return true;
  }

  clear(): void {
    this.#holds.clear();
  }

  /** All that is mapped, counted once. */
  get totalBytes(): number {
    return [...this.#holds.values()].reduce((sum, { mapping }) => sum + mapping.sizeBytes, 0);
  }
}

function same(a: DmaMapping, b: DmaMapping): boolean {
  return a.sizeBytes === b.sizeBytes && a.hostAddress === b.hostAddress;
}

function range(mapping: DmaMapping): string {
  return `0x${mapping.iova.toString(16)}–0x${(mapping.iova + mapping.sizeBytes - 1).toString(16)}`;
}
