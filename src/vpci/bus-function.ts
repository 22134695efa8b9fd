import type { PciFunction } from '../functions/index.ts';
import { type BarResource, type BarResources, misplacedBar } from './bar-resources.ts';
import { barMasks } from './bar-masks.ts';
import type { Slot } from './slot.ts';
import type { FunctionDescription } from './wire/encode-host.ts';

/**
 * `present`: the guest may use it. `ejecting`: it may still, but was asked to let go. `gone`: let go, or taken away; the
 * provider never touches the function again.
 */
export type BusFunctionState = 'present' | 'ejecting' | 'gone';

/** PCI local bus specification: offsets and bits of a type 0 header. */
const COMMAND = 0x04;
const COMMAND_MEMORY = 1 << 1;
const FIRST_BAR = 0x10;

const BAR_FLAGS = 0xfn;

/** One function on a bus: what the guest is told of it, and what its requests do to it. */
export class BusFunction {
  readonly function: PciFunction;
  readonly slot: Slot;
  readonly masks: readonly number[];
  state: BusFunctionState = 'present';
  readonly #serial: number;
  readonly #virtualNumaNode: number | undefined;

  constructor(pciFunction: PciFunction, slot: Slot, serial: number, virtualNumaNode: number | undefined) {
    this.function = pciFunction;
    this.slot = slot;
    this.#serial = serial;
    this.#virtualNumaNode = virtualNumaNode;
    this.masks = barMasks(pciFunction.bars);
  }

  /** What bus relations tell: the identity as it is now, for a reset may have changed it. */
  get description(): FunctionDescription {
    return {
      identity: this.function.identity,
      slot: this.slot,
      serial: this.#serial,
      virtualNumaNode: this.#virtualNumaNode,
    };
  }

  /** What keeps the BARs from being placed so; undefined = nothing. */
  misplaced(resources: BarResources): string | undefined {
    return misplacedBar(resources, this.function.bars);
  }

  /** Writes the BARs that are given; a guest that gives none writes them itself. `resources` fit (see misplaced). */
  placeBars(resources: BarResources): void {
    for (const [index, resource] of resources.entries()) {
      if (resource === undefined) continue;
      const is64 = this.function.bars.some((bar) => bar.index === index && bar.kind === 'memory64');
      this.function.writeConfig(FIRST_BAR + 4 * index, 4, Number(resource.address & 0xffff_ffffn));
      if (is64) this.function.writeConfig(FIRST_BAR + 4 * (index + 1), 4, Number(resource.address >> 32n));
    }
  }

  /** Where the BARs are; one at 0 has no place yet. */
  placedBars(): BarResources {
    const resources: (BarResource | undefined)[] = [undefined, undefined, undefined, undefined, undefined, undefined];
    for (const { index, kind, sizeBytes } of this.function.bars) {
      const low = BigInt(this.function.readConfig(FIRST_BAR + 4 * index, 4)) & ~BAR_FLAGS;
      const high = kind === 'memory64' ? BigInt(this.function.readConfig(FIRST_BAR + 4 * (index + 1), 4)) : 0n;
      const address = low | (high << 32n);
      if (address !== 0n) resources[index] = { address, lengthBytes: BigInt(sizeBytes) };
    }
    return resources;
  }

  /** Memory decoding follows the power state. Windows sets no command bits itself. */
  setPower(state: 'D0' | 'D3'): void {
    const command = this.function.readConfig(COMMAND, 2);
    const wanted = state === 'D0' ? command | COMMAND_MEMORY : command & ~COMMAND_MEMORY;
    if (wanted !== command) this.function.writeConfig(COMMAND, 2, wanted);
  }
}
