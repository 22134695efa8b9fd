import { internalDataMaxCount, regsLayout as regs, runLayout as at } from './layouts.ts';
import { decodeSregs, type KvmSregs, type RegName } from './registers.ts';

/**
 * What a vCPU and its user tell each other: struct kvm_run and the pages behind it, over the buffer of
 * {@link KvmVcpu.runBuffer}. Any thread may construct one from the buffer; only {@link requestExit} may be called while
 * the vCPU runs. KVM writes these fields, so the numbers are the kernel's; the data in them is the guest's.
 *
 * An IO or MMIO read and an MSR access are answered by writing the answer here and running the vCPU again: KVM
 * completes the instruction at the next entry, not before.
 */
export class KvmRunPage {
  readonly #view: DataView<SharedArrayBuffer>;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer) {
    this.#view = new DataView(buffer, 0, buffer.byteLength);
    this.#bytes = new Uint8Array(buffer, 0, buffer.byteLength);
  }

  /** From any thread: the vCPU leaves before its next entry. To get it out of one that has begun, kick its thread too. */
  requestExit(): void {
    Atomics.store(this.#bytes, at.immediateExit, 1);
  }

  /**
   * On the vCPU's thread. KVM never clears the request by itself. Clear it first and only then look at what others
   * asked for: a kick that comes in between then ends the next run.
   */
  clearExitRequest(): void {
    Atomics.store(this.#bytes, at.immediateExit, 0);
  }

  get exitRequested(): boolean {
    return Atomics.load(this.#bytes, at.immediateExit) !== 0;
  }

  /** One of {@link ExitReason}, or a number that it doesn't list. */
  get exitReason(): number {
    return this.#view.getUint32(at.exitReason, true);
  }

  // KVM_EXIT_IO

  get ioIsWrite(): boolean {
    return this.#view.getUint8(at.ioDirection) === 1;
  }

  /** 1, 2 or 4. */
  get ioSizeBytes(): number {
    return this.#view.getUint8(at.ioSize);
  }

  get ioPort(): number {
    return this.#view.getUint16(at.ioPort, true);
  }

  /** How many accesses of that size, one after the other: more than 1 for string instructions. */
  get ioCount(): number {
    return this.#view.getUint32(at.ioCount, true);
  }

  /** The value of access `i` of an OUT. */
  ioValue(i = 0): number {
    const offset = this.#ioOffset(i);
    switch (this.ioSizeBytes) {
      case 1:
        return this.#view.getUint8(offset);
      case 2:
        return this.#view.getUint16(offset, true);
      default:
        return this.#view.getUint32(offset, true);
    }
  }

  /** Answers access `i` of an IN; higher bits of `value` than the access has are dropped. */
  setIoValue(value: number, i = 0): void {
    const offset = this.#ioOffset(i);
    switch (this.ioSizeBytes) {
      case 1:
        this.#view.setUint8(offset, value);
        break;
      case 2:
        this.#view.setUint16(offset, value, true);
        break;
      default:
        this.#view.setUint32(offset, value, true);
    }
  }

  #ioOffset(i: number): number {
    // The upper half of this 64-bit offset into a few pages is zero.
    return this.#view.getUint32(at.ioDataOffset, true) + i * this.ioSizeBytes;
  }

  // KVM_EXIT_MMIO

  /** Guest-physical. */
  get mmioGpa(): number {
    return this.#view.getUint32(at.mmioAddress + 4, true) * 2 ** 32 + this.#view.getUint32(at.mmioAddress, true);
  }

  /** 1 to 8; an access that crosses a page comes as two exits. */
  get mmioSizeBytes(): number {
    return this.#view.getUint32(at.mmioLength, true);
  }

  get mmioIsWrite(): boolean {
    return this.#view.getUint8(at.mmioIsWrite) !== 0;
  }

  /** What a write of up to 4 bytes stores. */
  get mmioValue(): number {
    switch (this.mmioSizeBytes) {
      case 1:
        return this.#view.getUint8(at.mmioData);
      case 2:
        return this.#view.getUint16(at.mmioData, true);
      default:
        return this.#view.getUint32(at.mmioData, true);
    }
  }

  /** What a write stores, for all sizes. */
  get mmioValue64(): bigint {
    return BigInt.asUintN(this.mmioSizeBytes * 8, this.#view.getBigUint64(at.mmioData, true));
  }

  /** Answers a read; higher bits than the access has are dropped. */
  set mmioValue64(value: bigint) {
    this.#view.setBigUint64(at.mmioData, BigInt.asUintN(64, value), true);
  }

  // KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR

  get msrIndex(): number {
    return this.#view.getUint32(at.msrIndex, true);
  }

  /** One of {@link MsrExitReason}. */
  get msrReason(): number {
    return this.#view.getUint32(at.msrReason, true);
  }

  get msrData(): bigint {
    return this.#view.getBigUint64(at.msrData, true);
  }

  set msrData(value: bigint) {
    this.#view.setBigUint64(at.msrData, value, true);
  }

  /** True: the guest gets #GP in the place of an answer. KVM presets false. */
  set msrFault(fault: boolean) {
    this.#view.setUint8(at.msrError, fault ? 1 : 0);
  }

  // Exits that end a VM

  get hardwareExitReason(): bigint {
    return this.#view.getBigUint64(at.hardwareExitReason, true);
  }

  get failEntryReason(): bigint {
    return this.#view.getBigUint64(at.failEntryReason, true);
  }

  /** Of KVM_EXIT_INTERNAL_ERROR. 1: KVM had to emulate an instruction and can't. 3: event delivery. 4: an exit it doesn't know. */
  get internalSubError(): number {
    return this.#view.getUint32(at.internalSubError, true);
  }

  get internalErrorData(): bigint[] {
    const count = Math.min(internalDataMaxCount, this.#view.getUint32(at.internalDataCount, true));
    return Array.from({ length: count }, (_, i) => this.#view.getBigUint64(at.internalData + i * 8, true));
  }

  /** 1 shutdown, 2 reset, 3 crash. */
  get systemEventType(): number {
    return this.#view.getUint32(at.systemEventType, true);
  }

  // Synced registers (KVM_CAP_SYNC_REGS)

  /** Which sets KVM stores here at every exit from now on: bits of {@link SyncRegs}. Stays until changed. */
  set syncOnExit(sets: number) {
    this.#view.setBigUint64(at.validRegs, BigInt(sets), true);
  }

  /** Which sets KVM loads from here at the next entry: bits of {@link SyncRegs}. KVM clears it then. */
  set loadOnEntry(sets: number) {
    this.#view.setBigUint64(at.dirtyRegs, BigInt(sets), true);
  }

  /** A register as of the last exit, where {@link syncOnExit} asked for `regs`. */
  reg(name: RegName): bigint {
    return this.#view.getBigUint64(at.syncRegs + regs[name], true);
  }

  /** Takes effect at the next entry if {@link loadOnEntry} holds `regs`. */
  setReg(name: RegName, value: bigint): void {
    this.#view.setBigUint64(at.syncRegs + regs[name], BigInt.asUintN(64, value), true);
  }

  /** Special registers as of the last exit, where {@link syncOnExit} asked for `sregs`. */
  sregs(): KvmSregs {
    return decodeSregs(Uint8Array.from(this.#bytes.subarray(at.syncSregs, at.syncEvents)));
  }
}
