import { MsixEntryRegister, msixEntryBytes, msixVectorMasked, readU32 } from '../pci/index.ts';
import type { MsixControl } from './config-state.ts';
import type { MsiMessage } from './function.ts';

/** Told whenever what a vector may fire with has changed, and only then. */
export type MessageListener = (vector: number, message: MsiMessage | undefined) => void;

/**
 * The MSI-X table that a guest programs in place of the function's own, and its pending bits. Source: PCI Local Bus
 * Specification 3.0, section 6.8.2.
 */
export class MsixTable {
  readonly vectorCount: number;
  readonly #table: Uint8Array;
  readonly #tableWords: Uint32Array;
  readonly #pendingBits: Uint8Array;
  /** What the pending bits are, whatever a guest wrote over them. */
  readonly #pending: Uint8Array;
  readonly #listener: MessageListener;
  #control: MsixControl = { enabled: false, functionMasked: false };
  /** What the listener was last told, by vector. */
  readonly #told: (MsiMessage | undefined)[];

  /**
   * `table` (16 bytes a vector, aligned to 4) and `pendingBits` (8 bytes for each 64 vectors) always hold what reads
   * return; the caller may map their pages read-only into the guest.
   */
  constructor(table: Uint8Array, pendingBits: Uint8Array, listener: MessageListener) {
    this.vectorCount = table.byteLength / msixEntryBytes;
    this.#table = table;
    this.#tableWords = new Uint32Array(table.buffer, table.byteOffset, table.byteLength / 4);
    this.#pendingBits = pendingBits;
    this.#pending = new Uint8Array(pendingBits.byteLength);
    this.#listener = listener;
    this.#told = Array.from({ length: this.vectorCount });
    this.#clear();
  }

  /** `offset` from the start of the table, 1, 2, 4 or 8 bytes, naturally aligned; anything else reads all ones. */
  read(offset: number, sizeBytes: number): bigint {
    return readLittleEndian(this.#table, offset, sizeBytes);
  }

  /** As {@link read}, from the start of the pending bits. The guest's writes to them are to be dropped. */
  readPending(offset: number, sizeBytes: number): bigint {
    return readLittleEndian(this.#pendingBits, offset, sizeBytes);
  }

  /** 4 or 8 bytes, naturally aligned: the specification leaves others undefined, they are dropped. */
  write(offset: number, sizeBytes: number, value: bigint): void {
    if ((sizeBytes !== 4 && sizeBytes !== 8) || !inside(this.#table, offset, sizeBytes)) return;
    this.#store(offset, Number(value & 0xffff_ffffn));
    if (sizeBytes === 8) this.#store(offset + 4, Number((value >> 32n) & 0xffff_ffffn));
    this.#settle(Math.floor(offset / msixEntryBytes));
  }

  /** As the capability's message control says. */
  setControl(control: MsixControl): void {
    this.#control = control;
    for (let vector = 0; vector < this.vectorCount; vector += 1) this.#settle(vector);
  }

  /** As after a reset of the function: disabled, every vector masked and without a message. */
  reset(): void {
    this.#control = { enabled: false, functionMasked: false };
    this.#clear();
    for (let vector = 0; vector < this.vectorCount; vector += 1) this.#settle(vector);
  }

  /**
   * The guest has had the pages as plain memory: bits that the specification reserves, and the pending bits, are put right.
   * For when no vector can fire.
   */
  tidy(): void {
    for (let offset = 0; offset < this.#table.byteLength; offset += 4) {
      this.#store(offset, this.#tableWords[offset / 4] ?? 0);
    }
    this.#pendingBits.set(this.#pending);
  }

  /** What `vector` may fire with now; undefined while it is masked, disabled, or out of range. */
  message(vector: number): MsiMessage | undefined {
    return this.#told[vector];
  }

  /** For functions that raise their interrupts here: remembers one that came while the vector was masked, or forgets it. */
  setPending(vector: number, pending: boolean): void {
    if (vector < 0 || vector >= this.vectorCount) return;
    const old = this.#pending[vector >>> 3] ?? 0;
    const bit = 1 << (vector & 7);
    const bits = pending ? old | bit : old & ~bit;
    this.#pending[vector >>> 3] = bits;
    this.#pendingBits[vector >>> 3] = bits;
  }

  isPending(vector: number): boolean {
    return (((this.#pending[vector >>> 3] ?? 0) >>> (vector & 7)) & 1) !== 0;
  }

  #store(offset: number, value: number): void {
    const register = offset % msixEntryBytes;
    // Address bits 1:0 are always 0; of vector control, only the mask bit is implemented.
    const bits =
      register === MsixEntryRegister.addressLow
        ? ~3
        : register === MsixEntryRegister.vectorControl
          ? msixVectorMasked
          : ~0;
    this.#tableWords[offset / 4] = (value & bits) >>> 0;
  }

  #settle(vector: number): void {
    const message = this.#effective(vector);
    const told = this.#told[vector];
    if (message?.address === told?.address && message?.data === told?.data) return;
    this.#told[vector] = message;
    this.#listener(vector, message);
  }

  #effective(vector: number): MsiMessage | undefined {
    if (!this.#control.enabled || this.#control.functionMasked) return undefined;
    const entry = vector * msixEntryBytes;
    if ((readU32(this.#table, entry + MsixEntryRegister.vectorControl) & msixVectorMasked) !== 0) return undefined;
    const low = readU32(this.#table, entry + MsixEntryRegister.addressLow);
    const high = readU32(this.#table, entry + MsixEntryRegister.addressHigh);
    return {
      address: (BigInt(high) << 32n) | BigInt(low),
      data: readU32(this.#table, entry + MsixEntryRegister.data),
    };
  }

  #clear(): void {
    this.#table.fill(0);
    this.#pending.fill(0);
    this.#pendingBits.fill(0);
    for (let vector = 0; vector < this.vectorCount; vector += 1) {
      this.#table[vector * msixEntryBytes + MsixEntryRegister.vectorControl] = msixVectorMasked;
    }
  }
}

function inside(bytes: Uint8Array, offset: number, sizeBytes: number): boolean {
  return offset >= 0 && offset % sizeBytes === 0 && offset + sizeBytes <= bytes.byteLength;
}

function readLittleEndian(bytes: Uint8Array, offset: number, sizeBytes: number): bigint {
  const legalSize = sizeBytes === 1 || sizeBytes === 2 || sizeBytes === 4 || sizeBytes === 8;
  if (!legalSize || !inside(bytes, offset, sizeBytes)) return 0xffff_ffff_ffff_ffffn;
  let value = 0n;
  for (let i = sizeBytes - 1; i >= 0; i -= 1) value = (value << 8n) | BigInt(bytes[offset + i] ?? 0xff);
  return value;
}
