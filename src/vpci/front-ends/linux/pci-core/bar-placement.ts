import { BarBit, barCount, barSizeFromMask, CommandBit, HeaderRegister } from '../../../../pci/index.ts';
import type { Slot } from '../../../slot.ts';
import type { BarWindow, HostBridge } from './host-bridge.ts';

export interface FoundBar {
  readonly index: number;
  readonly kind: 'memory32' | 'memory64';
  readonly sizeBytes: number;
}

const { bar0, command } = HeaderRegister;
const ALL_ONES = 0xffff_ffff;

/** Each BAR register saved, set to all ones, read and put back, with memory decoding off meanwhile. I/O BARs are left out. */
export function sizeBars(bridge: HostBridge, slot: Slot): FoundBar[] {
  const commandBefore = bridge.readConfig(slot, command, 2);
  bridge.writeConfig(slot, command, 2, commandBefore & ~CommandBit.memorySpace);
  const found: FoundBar[] = [];
  for (let index = 0; index < barCount; index += 1) {
    const low = probe(bridge, slot, index);
    if ((low & BarBit.ioSpace) !== 0 || low === 0) continue;
    const wide = (low & BarBit.memoryTypeMask) === BarBit.memory64 && index + 1 < barCount;
    const high = wide ? probe(bridge, slot, index + 1) : undefined;
    const sizeBytes = barSizeFromMask({ low, high });
    if (sizeBytes > 0) found.push({ index, kind: wide ? 'memory64' : 'memory32', sizeBytes });
    if (wide) index += 1;
  }
  bridge.writeConfig(slot, command, 2, commandBefore);
  return found;
}

function probe(bridge: HostBridge, slot: Slot, index: number): number {
  const offset = bar0 + 4 * index;
  const before = bridge.readConfig(slot, offset, 4);
  bridge.writeConfig(slot, offset, 4, ALL_ONES);
  const mask = bridge.readConfig(slot, offset, 4);
  bridge.writeConfig(slot, offset, 4, before);
  return mask;
}

/** Writes a BAR's register, and the next one for 64 bits. */
export function writeBar(bridge: HostBridge, slot: Slot, bar: FoundBar, gpa: number): void {
  bridge.writeConfig(slot, bar0 + 4 * bar.index, 4, gpa % 2 ** 32);
  if (bar.kind === 'memory64') bridge.writeConfig(slot, bar0 + 4 * (bar.index + 1), 4, Math.floor(gpa / 2 ** 32));
}

/** Hands out places in the two windows: each BAR naturally aligned, no two in one page. Places come back all at once. */
export class BarPlaces {
  readonly #windows: { readonly low: BarWindow | undefined; readonly high: BarWindow | undefined };
  readonly #taken: BarWindow[] = [];

  constructor(windows: Pick<HostBridge, 'low' | 'high'>) {
    this.#windows = windows;
  }

  /** Undefined: there is no room in the window for this kind of BAR. */
  take({ kind, sizeBytes }: FoundBar): number | undefined {
    const window = kind === 'memory64' ? this.#windows.high : this.#windows.low;
    if (window === undefined) return undefined;
    const span = Math.max(sizeBytes, 4096);
    for (let gpa = Math.ceil(window.gpa / span) * span; gpa + span <= window.gpa + window.sizeBytes; gpa += span) {
      if (this.#taken.some((other) => gpa < other.gpa + other.sizeBytes && other.gpa < gpa + span)) continue;
      this.#taken.push({ gpa, sizeBytes: span });
      return gpa;
    }
    return undefined;
  }

  give(gpa: number): void {
    const index = this.#taken.findIndex((taken) => taken.gpa === gpa);
    if (index >= 0) this.#taken.splice(index, 1);
  }
}
