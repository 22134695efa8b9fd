import type { PciFunction } from '../functions/index.ts';
import type { Slot } from './slot.ts';

/** Two pages: the slot selector, then the configuration space of the selected function. */
export const CONFIG_WINDOW_BYTES = 0x2000;

const CONFIG_PAGE = 0x1000;

/**
 * How a window can be put into the guest's address space so that reads cost no exit.
 * - `image`: page 0 may be plain memory; page 1 reads the page of host memory at `imageAddress`, and every write to it
 *   goes to the provider. Only for a bus with one function, in slot 0, where the selector has nothing to choose.
 * - `ones`: nothing is there (any more): both pages read all ones or anything, writes are swallowed.
 * - `trap`: every access to both pages goes to the provider.
 */
export type ConfigWindowPlan =
  | { readonly kind: 'image'; readonly slot: Slot; readonly imageAddress: bigint }
  | { readonly kind: 'ones' }
  | { readonly kind: 'trap' };

/** What a read of `sizeBytes` bytes gives where nothing answers. */
export function allOnes(sizeBytes: number): number {
  return sizeBytes === 1 ? 0xff : sizeBytes === 2 ? 0xffff : 0xffff_ffff;
}

function isConfigAccess(offset: number, sizeBytes: number): boolean {
  if (sizeBytes !== 1 && sizeBytes !== 2 && sizeBytes !== 4) return false;
  return offset >= CONFIG_PAGE && offset < CONFIG_WINDOW_BYTES && (offset % 4) + sizeBytes <= 4;
}

/** The window's one piece of state, the selected slot, and what its accesses mean. */
export class ConfigWindow {
  readonly #functionIn: (slot: Slot) => PciFunction | undefined;
  #selected: Slot = 0;

  /** `functionIn` gives what answers in a slot; undefined reads all ones and swallows writes. */
  constructor(functionIn: (slot: Slot) => PciFunction | undefined) {
    this.#functionIn = functionIn;
  }

  /** A window that is mapped anew begins with slot 0 selected. */
  reset(): void {
    this.#selected = 0;
  }

  read(offset: number, sizeBytes: number): number {
    if (offset === 0 && sizeBytes === 4) return this.#selected;
    const selected = this.#functionIn(this.#selected);
    if (selected === undefined || !isConfigAccess(offset, sizeBytes)) return allOnes(sizeBytes);
    return selected.readConfig(offset - CONFIG_PAGE, sizeBytes);
  }

  write(offset: number, sizeBytes: number, value: number): void {
    if (offset === 0 && sizeBytes === 4) this.#selected = value >>> 0;
    if (isConfigAccess(offset, sizeBytes)) {
      this.#functionIn(this.#selected)?.writeConfig(offset - CONFIG_PAGE, sizeBytes, value);
    }
  }
}
