import type { PciFunction } from '../../functions/index.ts';
import { BoundedLog } from '../../vpci/index.ts';
import type { MemorySlot } from '../memory/memory-slots.ts';
import type { MachineServices } from './machine-services.ts';
import { BarDoorbells } from './bar-doorbells.ts';
import { fitsDeviceWindow } from './windows.ts';

/** An image of a trapped part: its slot is made anew when the guest may write there from now on, or no more. */
interface MappedImage {
  readonly gpa: number;
  readonly sizeBytes: number;
  readonly address: bigint;
  slot: MemorySlot | undefined;
  writable: boolean;
}

interface MappedBar {
  readonly gpa: number;
  readonly slots: MemorySlot[];
  readonly images: MappedImage[];
  readonly claims: number[];
  readonly doorbells: BarDoorbells;
}

/**
 * Where a function's BARs are in the guest: direct parts are memory slots, trapped ones exit. A BAR that is nowhere
 * reads all ones and swallows writes, because nobody claims its addresses.
 */
export class BarMappings {
  readonly #services: MachineServices;
  readonly #function: PciFunction;
  readonly #log: BoundedLog;
  readonly #mapped = new Map<number, MappedBar>();

  constructor(services: MachineServices, pciFunction: PciFunction) {
    this.#services = services;
    this.#function = pciFunction;
    this.#log = new BoundedLog((entry) => services.log(entry));
  }

  move(barIndex: number, gpa: number | undefined): void {
    this.#unmap(barIndex);
    if (gpa !== undefined) {
      this.#map(barIndex, gpa);
    }
  }

  /** The function says of some images that writes to them may go unnoticed, or no more. */
  imageAccessChanged(barIndex: number): void {
    const mapped = this.#mapped.get(barIndex);
    if (mapped === undefined) {
      return;
    }
    const { slots } = this.#services;
    for (const region of this.#function.barRegions(barIndex)) {
      const at = mapped.gpa + region.offsetBytes;
      const image = mapped.images.find(({ gpa }) => gpa === at);
      if (region.access === 'direct' || image === undefined || image.writable === region.imageWritable) {
        continue;
      }
      // Until it is there again, accesses exit to the claim.
      if (image.slot !== undefined) {
        slots.unmap(image.slot);
      }
      image.slot = undefined;
      image.writable = region.imageWritable;
      image.slot = slots.map(at, image.sizeBytes, image.address, !image.writable);
    }
  }

  /** The function hears of writes to other registers, or at other places, than before. */
  doorbellsChanged(barIndex: number): void {
    this.#mapped.get(barIndex)?.doorbells.connect(this.#function.doorbells(barIndex));
  }

  unmapAll(): void {
    for (const barIndex of [...this.#mapped.keys()]) {
      this.#unmap(barIndex);
    }
  }

  #map(barIndex: number, gpa: number): void {
    const { map, slots, addresses } = this.#services;
    const shape = this.#function.bars.find((bar) => bar.index === barIndex);
    if (shape === undefined) {
      throw new RangeError(`${this.#function.name} has no BAR ${barIndex}`);
    }
    if (!fitsDeviceWindow(map, gpa, shape.sizeBytes)) {
      this.#refuse('bar-out-of-window', barIndex, gpa, 'outside the device windows');
      return;
    }
    if (slots.overlaps(gpa, shape.sizeBytes) || addresses.overlaps(gpa, shape.sizeBytes)) {
      this.#refuse('bar-overlap', barIndex, gpa, "over another device's range");
      return;
    }
    const doorbells = new BarDoorbells(this.#services.doorbells, gpa, (reason) =>
      this.#log.log('warning', 'doorbell-refused', `${this.#function.name}: ${reason}; its writes exit instead`),
    );
    const mapped: MappedBar = { gpa, slots: [], images: [], claims: [], doorbells };
    this.#mapped.set(barIndex, mapped);
    for (const region of this.#function.barRegions(barIndex)) {
      const at = gpa + region.offsetBytes;
      if (region.access === 'direct') {
        mapped.slots.push(slots.map(at, region.sizeBytes, region.hostAddress, false));
        continue;
      }
      addresses.claim(at, region.sizeBytes, {
        read: (offset, sizeBytes) => this.#function.readBar(barIndex, region.offsetBytes + offset, sizeBytes),
        write: (offset, sizeBytes, value) =>
          this.#function.writeBar(barIndex, region.offsetBytes + offset, sizeBytes, value),
      });
      mapped.claims.push(at);
      if (region.imageAddress !== undefined) {
        // Reads come from the image with no exit; writes reach the claim above, unless they mean nothing yet.
        const { sizeBytes, imageAddress: address, imageWritable: writable } = region;
        mapped.images.push({
          gpa: at,
          sizeBytes,
          address,
          writable,
          slot: slots.map(at, sizeBytes, address, !writable),
        });
      }
    }
    doorbells.connect(this.#function.doorbells(barIndex));
  }

  #refuse(code: string, barIndex: number, gpa: number, where: string): void {
    const placed = `the guest placed BAR ${barIndex} at 0x${gpa.toString(16)}, ${where}`;
    this.#log.log('warning', code, `${this.#function.name}: ${placed}; it stays unmapped`);
  }

  #unmap(barIndex: number): void {
    const mapped = this.#mapped.get(barIndex);
    if (mapped === undefined) {
      return;
    }
    this.#mapped.delete(barIndex);
    mapped.doorbells.connect([]);
    for (const slot of [...mapped.slots, ...mapped.images.map((image) => image.slot)]) {
      if (slot !== undefined) {
        this.#services.slots.unmap(slot);
      }
    }
    for (const gpa of mapped.claims) {
      this.#services.addresses.release(gpa);
    }
  }
}
