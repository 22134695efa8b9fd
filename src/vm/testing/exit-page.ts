import { ExitReason, KvmRunPage } from '../../linux/index.ts';

const RUN_BYTES = 3 * 4096;
/** struct kvm_run (Linux include/uapi/linux/kvm.h) and struct kvm_sync_regs (arch/x86/include/uapi/asm/kvm.h). */
const At = { exitReason: 8, union: 32, msrIndex: 44, msrData: 48, mmioData: 40, dirtyRegs: 296, regs: 304 } as const;
const Reg = { rax: 0, rcx: 16, rdx: 24, r8: 64, rip: 128 } as const;
const IO_DATA = 4096;

/** A run page on plain memory that a test fills as KVM does, and whose answers it reads as KVM does. */
export class ExitPage {
  readonly page: KvmRunPage;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly view: DataView<SharedArrayBuffer>;

  constructor() {
    const buffer = new SharedArrayBuffer(RUN_BYTES);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.page = new KvmRunPage(buffer);
  }

  /** Any exit, with the bytes of its part of the union. */
  exit(reason: number, union: readonly number[] = []): this {
    this.view.setUint32(At.exitReason, reason, true);
    this.bytes.fill(0, At.union, 288);
    this.bytes.set(union, At.union);
    return this;
  }

  /** OUT, or OUTS with several values. */
  out(port: number, sizeBytes: 1 | 2 | 4, ...values: readonly number[]): this {
    this.#io(1, port, sizeBytes, values.length);
    for (const [i, value] of values.entries()) {
      const little = [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
      this.bytes.set(little.slice(0, sizeBytes), IO_DATA + i * sizeBytes);
    }
    return this;
  }

  /** IN, or INS of `count` values. */
  in(port: number, sizeBytes: 1 | 2 | 4, count = 1): this {
    this.#io(0, port, sizeBytes, count);
    this.bytes.fill(0xa5, IO_DATA, IO_DATA + sizeBytes * count);
    return this;
  }

  /** What the guest gets for its IN, byte by byte. */
  answer(bytes: number): number[] {
    return [...this.bytes.slice(IO_DATA, IO_DATA + bytes)];
  }

  mmioRead(gpa: number, sizeBytes: number): this {
    return this.#mmio(gpa, sizeBytes, 0n, 0);
  }

  mmioWrite(gpa: number, sizeBytes: number, value: bigint): this {
    return this.#mmio(gpa, sizeBytes, value, 1);
  }

  get mmioAnswer(): bigint {
    return this.view.getBigUint64(At.mmioData, true);
  }

  readMsr(index: number): this {
    this.exit(ExitReason.readMsr);
    this.view.setUint32(At.msrIndex, index, true);
    return this;
  }

  writeMsr(index: number, value: bigint): this {
    this.exit(ExitReason.writeMsr);
    this.view.setUint32(At.msrIndex, index, true);
    this.view.setBigUint64(At.msrData, value, true);
    return this;
  }

  get msrAnswer(): { readonly fault: boolean; readonly data: bigint } {
    return { fault: this.bytes[At.union] !== 0, data: this.view.getBigUint64(At.msrData, true) };
  }

  setReg(name: keyof typeof Reg, value: bigint): this {
    this.view.setBigUint64(At.regs + Reg[name], value, true);
    return this;
  }

  reg(name: keyof typeof Reg): bigint {
    return this.view.getBigUint64(At.regs + Reg[name], true);
  }

  /** Which register sets KVM loads at the next entry. */
  get dirtyRegs(): bigint {
    return this.view.getBigUint64(At.dirtyRegs, true);
  }

  #io(direction: number, port: number, sizeBytes: number, count: number): void {
    this.exit(ExitReason.io, [direction, sizeBytes, port & 0xff, port >> 8, count & 0xff, count >> 8]);
    this.view.setBigUint64(40, BigInt(IO_DATA), true);
  }

  #mmio(gpa: number, sizeBytes: number, value: bigint, isWrite: number): this {
    this.exit(ExitReason.mmio);
    this.view.setBigUint64(32, BigInt(gpa), true);
    this.view.setBigUint64(At.mmioData, value, true);
    this.view.setUint32(48, sizeBytes, true);
    this.view.setUint8(52, isWrite);
    return this;
  }
}
