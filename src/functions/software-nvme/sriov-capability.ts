import { ExtendedCapabilityId, writeU16, writeU32 } from '../../pci/index.ts';

/** Fields of the SR-IOV capability, from its start. PCI Express Base Specification 4.0, 9.3.3. */
export const SriovField = {
  control: 0x08,
  initialVfs: 0x0c,
  totalVfs: 0x0e,
  numVfs: 0x10,
  firstVfOffset: 0x14,
  vfStride: 0x16,
  vfDeviceId: 0x1a,
  supportedPageSizes: 0x1c,
  systemPageSize: 0x20,
  vfBar0: 0x24,
} as const;
const capabilityBytes = 0x40;
export const vfEnable = 0x1;
export const vfMemorySpaceEnable = 0x8;
/** Pages of 4096 bytes. */
const pageSizes = 0x1;
const memory64 = 0x4;

export interface SriovShape {
  readonly totalVfs: number;
  readonly vfDeviceId: number;
  readonly vfBarBytes: number;
}

/**
 * The SR-IOV capability of a physical function of software: what its owner reads of it and writes to it. Virtual functions that are
 * enabled lie right behind the physical function.
 */
export class SriovCapability {
  readonly bytes = new Uint8Array(capabilityBytes);
  readonly #view = new DataView(this.bytes.buffer);
  readonly #shape: SriovShape;
  readonly #changed: (enabledVfs: number) => void;

  /** `changed`: that many virtual functions are there now. */
  constructor(shape: SriovShape, changed: (enabledVfs: number) => void) {
    this.#shape = shape;
    this.#changed = changed;
    this.reset();
  }

  /** A function-level reset of the physical function ends virtual functions, too. */
  reset(): void {
    const before = this.enabledVfs;
    this.bytes.fill(0);
    writeU32(this.bytes, 0, ExtendedCapabilityId.singleRootIov | (1 << 16));
    writeU16(this.bytes, SriovField.initialVfs, this.#shape.totalVfs);
    writeU16(this.bytes, SriovField.totalVfs, this.#shape.totalVfs);
    writeU16(this.bytes, SriovField.firstVfOffset, 1);
    writeU16(this.bytes, SriovField.vfStride, 1);
    writeU16(this.bytes, SriovField.vfDeviceId, this.#shape.vfDeviceId);
    writeU32(this.bytes, SriovField.supportedPageSizes, pageSizes);
    writeU32(this.bytes, SriovField.systemPageSize, pageSizes);
    writeU32(this.bytes, SriovField.vfBar0, memory64);
    if (before !== 0) this.#changed(0);
  }

  get enabledVfs(): number {
    return (this.#word(SriovField.control) & vfEnable) === 0 ? 0 : this.#word(SriovField.numVfs);
  }

  /** Offsets from the capability's start; 2 or 4 bytes, aligned. What isn't writable stays as it is. */
  write(offset: number, sizeBytes: 2 | 4, value: number): void {
    const before = this.enabledVfs;
    if (offset === SriovField.vfBar0 && sizeBytes === 4) {
      // Each virtual function's BAR is so large: the low bits of all of them together are no address (9.3.3.14).
      this.#view.setUint32(offset, ((value & -this.#shape.vfBarBytes) | memory64) >>> 0, true);
    } else if (offset === SriovField.vfBar0 + 4 && sizeBytes === 4) {
      this.#view.setUint32(offset, value >>> 0, true);
    } else {
      for (let at = 0; at < sizeBytes; at += 2) this.#writeWord(offset + at, (value >>> (8 * at)) & 0xffff);
    }
    if (this.enabledVfs !== before) this.#changed(this.enabledVfs);
  }

  #writeWord(offset: number, value: number): void {
    if (offset === SriovField.control) writeU16(this.bytes, offset, value & (vfEnable | vfMemorySpaceEnable));
    // NumVFs can't change while they are enabled, and there are no more than TotalVFs (9.3.3.7).
    const isFree = offset === SriovField.numVfs && (this.#word(SriovField.control) & vfEnable) === 0;
    if (isFree && value <= this.#shape.totalVfs) writeU16(this.bytes, offset, value);
  }

  #word(offset: number): number {
    return this.#view.getUint16(offset, true);
  }
}
