import { Kvm, type KvmVcpu, type KvmVm, runVcpu, SharedMemory } from '../../../src/linux/index.ts';

/** Where things are in a tiny guest: 32 KiB of RAM at 0, the real-mode interrupt table in its first page. */
export const at = {
  code: 0x1000,
  data: 0x1100,
  results: 0x2000,
  handler: 0x1800,
  stack: 0x7000,
  ramEnd: 0x8000,
} as const;

/** Machine code as a listing: hexadecimal bytes and, for the reader, what they say. */
export function assemble(...lines: readonly (readonly [hex: string, text: string])[]): Uint8Array {
  return Uint8Array.from(lines.flatMap(([hex]) => hex.split(' ').map((byte) => Number.parseInt(byte, 16))));
}

/** The smallest guest: a few bytes of real-mode code on one vCPU, with no firmware and no kernel. */
export class TinyGuest {
  readonly memory = SharedMemory.create('tiny guest', at.ramEnd);
  readonly view = new DataView(this.memory.buffer, 0, at.ramEnd);
  readonly vm: KvmVm;
  readonly vcpu: KvmVcpu;

  constructor(code: Uint8Array, prepare: (vm: KvmVm) => void = () => undefined) {
    const kvm = Kvm.open();
    this.vm = kvm.createVm();
    prepare(this.vm);
    this.vm.setMemoryRegion({ slot: 0, gpa: 0, sizeBytes: at.ramEnd, hostAddress: this.memory.address });
    this.vcpu = this.vm.createVcpu(0);
    this.vcpu.setCpuid2(kvm.supportedCpuid());
    kvm.close();
    this.put(at.code, code);
    const sregs = this.vcpu.getSregs();
    this.vcpu.setSregs({ ...sregs, cs: { ...sregs.cs, base: 0n, selector: 0 } });
    const regs = this.vcpu.getRegs();
    this.vcpu.setRegs({ ...regs, rip: BigInt(at.code), rsp: BigInt(at.stack), rflags: 2n });
  }

  put(gpa: number, bytes: Uint8Array): void {
    new Uint8Array(this.memory.buffer, gpa, bytes.byteLength).set(bytes);
  }

  /** Points real-mode interrupt `vector` at `gpa`. */
  setHandler(vector: number, gpa: number): void {
    this.view.setUint32(vector * 4, gpa, true);
  }

  /** Runs until the next exit; the reason, or −errno. */
  run(): number {
    const result = runVcpu(this.vcpu.fd);
    return result < 0 ? result : this.vcpu.runPage.exitReason;
  }

  /** A 32-bit word of the guest's RAM. */
  word(gpa: number): number {
    return this.view.getUint32(gpa, true);
  }

  close(): void {
    this.vcpu.close();
    this.vm.close();
    this.memory.close();
  }
}
