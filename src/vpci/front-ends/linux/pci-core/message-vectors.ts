import {
  type MsiCapability,
  MsiControlBit,
  MsiRegister,
  type MsixCapability,
  MsixControlBit,
  MsixEntryRegister,
  msixEntryBytes,
  MsixRegister,
  msixVectorMasked,
} from '../../../../pci/index.ts';
import type { BarAccess } from '../../function-driver.ts';
import type { GuestPlatform, VectorTarget } from '../../guest-platform.ts';
import type { Steps } from '../../guest-threads.ts';
import type { Slot } from '../../../slot.ts';
import type { HostBridge, MessageBlock } from './host-bridge.ts';

/** What a vector is composed for before a driver asks for it (Linux 6.1 arch/x86 MANAGED_IRQ_SHUTDOWN_VECTOR). */
const PLACEHOLDER_VECTOR = 0xef;
/** What a block of several MSI messages is composed for: Linux's FIRST_EXTERNAL_VECTOR. */
const BLOCK_VECTOR = 0x20;

interface Vector {
  block: MessageBlock | undefined;
  /** Which message of the block. */
  readonly message: number;
  target: VectorTarget | undefined;
  handler: () => void;
}

const NOBODY = (): void => undefined;

/** The message interrupts of one function, MSI-X or else MSI, as Linux's PCI core and its MSI domains work them. */
export class MessageVectors {
  readonly #bridge: HostBridge;
  readonly #platform: GuestPlatform;
  readonly #slot: Slot;
  readonly #msix: { readonly shape: MsixCapability; readonly table: BarAccess } | undefined;
  readonly #msi: MsiCapability | undefined;
  #vectors: Vector[] = [];

  constructor(
    bridge: HostBridge,
    platform: GuestPlatform,
    slot: Slot,
    msix: { readonly shape: MsixCapability; readonly table: BarAccess } | undefined,
    msi: MsiCapability | undefined,
  ) {
    this.#bridge = bridge;
    this.#platform = platform;
    this.#slot = slot;
    this.#msix = msix;
    this.#msi = msi;
  }

  /** Vectors for which the host gave a message. */
  get live(): number {
    return this.#vectors.filter(({ block }) => block !== undefined).length;
  }

  *allocate(most: number): Steps<number> {
    if (this.#msix !== undefined) return yield* this.#allocateMsix(Math.min(most, this.#msix.shape.vectorCount));
    if (this.#msi !== undefined) return yield* this.#allocateMsi(Math.min(most, this.#msi.vectorCount));
    return 0;
  }

  /** A vector of the guest's is found, the message made for it, told where to go, and let through. */
  *connect(index: number, handler: () => void): Steps<boolean> {
    const vector = this.#vectors[index];
    if (vector === undefined) throw new RangeError(`vector ${index} was never allocated`);
    const target = this.#platform.allocateVector();
    if (target === undefined) return false;
    vector.target = target;
    vector.handler = handler;
    this.#platform.handleVector(target, handler);
    if (this.#msix !== undefined) {
      if (vector.block !== undefined) this.#bridge.msi.free(this.#slot, vector.block);
      vector.block = undefined;
      vector.block = yield* this.#bridge.msi.compose(this.#slot, target, 1);
      this.#writeEntry(index, vector.block);
    }
    this.#unmask(index, vector);
    return vector.block !== undefined;
  }

  /** Moves a connected vector to another vector of the guest: masked, retargeted, unmasked, without a message. */
  move(index: number): boolean {
    const vector = this.#vectors[index];
    if (vector?.block === undefined || vector.target === undefined) return false;
    const target = this.#platform.allocateVector();
    if (target === undefined) return false;
    this.#mask(index);
    this.#platform.handleVector(target, vector.handler);
    const before = vector.target;
    vector.target = target;
    this.#unmask(index, vector);
    this.#platform.handleVector(before, undefined);
    this.#platform.freeVector(before);
    return true;
  }

  free(): void {
    for (const [index, { target }] of this.#vectors.entries()) {
      this.#mask(index);
      if (target === undefined) continue;
      this.#platform.handleVector(target, undefined);
      this.#platform.freeVector(target);
    }
    const blocks = new Set(this.#vectors.flatMap(({ block }) => (block === undefined ? [] : [block])));
    for (const block of blocks) this.#bridge.msi.free(this.#slot, block);
    if (this.#vectors.length > 0) this.#setEnabled(false);
    this.#vectors = [];
  }

  /** After the bus has been off: the host has forgotten every message, the function its table. */
  *recreate(): Steps<void> {
    if (this.#vectors.length === 0) return;
    this.#setEnabled(true);
    if (this.#msix === undefined) {
      const [first] = this.#vectors;
      const block = yield* this.#bridge.msi.compose(
        this.#slot,
        { vector: BLOCK_VECTOR, vp: first?.target?.vp ?? 0 },
        this.#vectors.length,
      );
      for (const vector of this.#vectors) vector.block = block;
      this.#writeMsi(block);
    }
    for (const [index, vector] of this.#vectors.entries()) {
      if (this.#msix !== undefined) {
        const target = vector.target ?? { vector: PLACEHOLDER_VECTOR, vp: 0 };
        vector.block = yield* this.#bridge.msi.compose(this.#slot, target, 1);
        this.#writeEntry(index, vector.block);
      }
      if (vector.target !== undefined) this.#unmask(index, vector);
    }
  }

  *#allocateMsix(count: number): Steps<number> {
    this.#setEnabled(true);
    for (let index = 0; index < count; index += 1) {
      this.#mask(index);
      const placeholder = { vector: PLACEHOLDER_VECTOR, vp: 0 };
      const block = yield* this.#bridge.msi.compose(this.#slot, placeholder, 1);
      this.#vectors.push({ block, message: 0, target: undefined, handler: NOBODY });
      this.#writeEntry(index, block);
    }
    return count;
  }

  *#allocateMsi(most: number): Steps<number> {
    const count = 2 ** Math.floor(Math.log2(most));
    const block = yield* this.#bridge.msi.compose(this.#slot, { vector: BLOCK_VECTOR, vp: 0 }, count);
    if (block === undefined) return 0;
    for (let message = 0; message < count; message += 1)
      this.#vectors.push({ block, message, target: undefined, handler: NOBODY });
    this.#writeMsi(block);
    this.#setEnabled(true);
    return count;
  }

  #unmask(index: number, { block, message, target }: Vector): void {
    if (block === undefined || target === undefined) return;
    if (!this.#bridge.msi.retarget(this.#slot, block, block.data + message, target)) {
      this.#platform.log(`vector ${index}: the host refuses to retarget it`);
    }
    if (this.#msix !== undefined) this.#writeControl(index, 0);
  }

  #mask(index: number): void {
    if (this.#msix !== undefined) this.#writeControl(index, msixVectorMasked);
  }

  #writeControl(index: number, value: number): void {
    this.#writeTable(index, MsixEntryRegister.vectorControl, value);
  }

  /** Without a message the entry is zeros, as Linux leaves it: the vector is dead. */
  #writeEntry(index: number, block: MessageBlock | undefined): void {
    const { address, data } = block ?? { address: 0n, data: 0 };
    this.#writeTable(index, MsixEntryRegister.addressLow, Number(address & 0xffff_ffffn));
    this.#writeTable(index, MsixEntryRegister.addressHigh, Number(address >> 32n));
    this.#writeTable(index, MsixEntryRegister.data, data);
  }

  #writeTable(index: number, register: number, value: number): void {
    if (this.#msix === undefined) return;
    const { shape, table } = this.#msix;
    table.write(shape.table.offsetBytes + msixEntryBytes * index + register, 4, BigInt(value));
  }

  #writeMsi(block: MessageBlock | undefined): void {
    const shape = this.#msi;
    if (shape === undefined) return;
    const { address, data } = block ?? { address: 0n, data: 0 };
    this.#bridge.writeConfig(this.#slot, shape.addressLowOffset, 4, Number(address & 0xffff_ffffn));
    if (shape.addressHighOffset !== undefined)
      this.#bridge.writeConfig(this.#slot, shape.addressHighOffset, 4, Number(address >> 32n));
    this.#bridge.writeConfig(this.#slot, shape.dataOffset, 2, data & 0xffff);
  }

  #setEnabled(enabled: boolean): void {
    if (this.#msix !== undefined) {
      const offset = this.#msix.shape.offset + MsixRegister.control;
      const control = this.#bridge.readConfig(this.#slot, offset, 2) & ~MsixControlBit.functionMask;
      const bits = enabled ? control | MsixControlBit.enable : control & ~MsixControlBit.enable;
      this.#bridge.writeConfig(this.#slot, offset, 2, bits);
    } else if (this.#msi !== undefined) {
      const offset = this.#msi.offset + MsiRegister.control;
      const control = this.#bridge.readConfig(this.#slot, offset, 2) & ~MsiControlBit.multipleEnableMask;
      const exponent = Math.log2(Math.max(1, this.#vectors.length)) << MsiControlBit.multipleEnableShift;
      const bits = enabled ? control | exponent | MsiControlBit.enable : control & ~MsiControlBit.enable;
      this.#bridge.writeConfig(this.#slot, offset, 2, bits);
    }
  }
}
