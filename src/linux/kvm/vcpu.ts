import { closeFile } from '../libc/files.ts';
import { ioctlStruct, ioctlValue } from '../libc/ioctl.ts';
import { coverWithZeroPages, mapFd } from '../shared-memory.ts';
import type { Capability } from './capability.ts';
import { type CpuidEntry, encodeCpuid } from './cpuid.ts';
import { enableCapability } from './enable-cap.ts';
import { KvmError } from './kvm-error.ts';
import { KvmIoctl } from './kvm-ioctls.ts';
import { msrEntryLayout, msrEntrySizeBytes, msrsLayout, regsSizeBytes, sregsSizeBytes } from './layouts.ts';
import { decodeRegs, decodeSregs, encodeRegs, encodeSregs, type KvmRegs, type KvmSregs } from './registers.ts';
import { KvmRunPage } from './run-page.ts';

/** What a vCPU waits for. Linux include/uapi/linux/kvm.h, KVM_MP_STATE_*. */
export const MpState = { runnable: 0, uninitialized: 1, initReceived: 2, halted: 3, sipiReceived: 4 } as const;
export type MpState = (typeof MpState)[keyof typeof MpState];

/** One MSR and its value. */
export interface MsrEntry {
  readonly index: number;
  readonly data: bigint;
}

/**
 * One vCPU. A worker thread runs it with {@link runVcpu} from `fd` and `runBuffer`, which it gets as `workerData`. All other
 * methods here wait for as long as the vCPU is in the guest: call them before it first runs, on its own thread, or after
 * a kick.
 */
export class KvmVcpu {
  readonly fd: number;
  readonly id: number;
  readonly runBuffer: SharedArrayBuffer;
  readonly runPage: KvmRunPage;
  #closed = false;

  /** @internal Made by {@link KvmVm.createVcpu}. */
  constructor(fd: number, id: number, runSizeBytes: number) {
    this.fd = fd;
    this.id = id;
    this.runBuffer = mapFd(fd, 0, runSizeBytes);
    this.runPage = new KvmRunPage(this.runBuffer);
  }

  enableCap(capability: Capability, ...args: readonly bigint[]): void {
    enableCapability(this.fd, capability, args);
  }

  /** Before the first run; at most {@link maxCpuidEntries}. */
  setCpuid2(entries: readonly CpuidEntry[]): void {
    ioctlStruct(this.fd, KvmIoctl.setCpuid2, encodeCpuid(entries), `${entries.length} entries`);
  }

  getRegs(): KvmRegs {
    const bytes = new Uint8Array(regsSizeBytes);
    ioctlStruct(this.fd, KvmIoctl.getRegs, bytes);
    return decodeRegs(bytes);
  }

  setRegs(regs: KvmRegs): void {
    ioctlStruct(this.fd, KvmIoctl.setRegs, encodeRegs(regs));
  }

  getSregs(): KvmSregs {
    const bytes = new Uint8Array(sregsSizeBytes);
    ioctlStruct(this.fd, KvmIoctl.getSregs, bytes);
    return decodeSregs(bytes);
  }

  setSregs(sregs: KvmSregs): void {
    ioctlStruct(this.fd, KvmIoctl.setSregs, encodeSregs(sregs));
  }

  /** Throws {@link KvmError} `kvm-msr-refused`, naming the first MSR that KVM didn't take. */
  setMsrs(entries: readonly MsrEntry[]): void {
    const bytes = encodeMsrs(entries);
    const done = ioctlStruct(this.fd, KvmIoctl.setMsrs, bytes);
    refuseAfter(
      done,
      entries.map((entry) => entry.index),
      'write',
    );
  }

  /** Throws {@link KvmError} `kvm-msr-refused`, naming the first MSR that KVM doesn't have. */
  getMsrs(indexes: readonly number[]): bigint[] {
    const bytes = encodeMsrs(indexes.map((index) => ({ index, data: 0n })));
    const done = ioctlStruct(this.fd, KvmIoctl.getMsrs, bytes);
    refuseAfter(done, indexes, 'read');
    const view = new DataView(bytes.buffer);
    return indexes.map((_, i) =>
      view.getBigUint64(msrsLayout.entries + i * msrEntrySizeBytes + msrEntryLayout.data, true),
    );
  }

  getMpState(): MpState {
    const bytes = new Uint8Array(4);
    ioctlStruct(this.fd, KvmIoctl.getMpState, bytes);
    return new DataView(bytes.buffer).getUint32(0, true) as MpState;
  }

  setMpState(state: MpState): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, state, true);
    ioctlStruct(this.fd, KvmIoctl.setMpState, bytes);
  }

  /** The frequency of the guest's time-stamp counter. */
  tscKhz(): number {
    return ioctlValue(this.fd, KvmIoctl.getTscKhz, 0);
  }

  /** Sends a non-maskable interrupt. */
  injectNmi(): void {
    ioctlValue(this.fd, KvmIoctl.injectNmi, 0);
  }

  /**
   * After its thread has stopped running it. The run page holds zeroes from then on: the kernel's own page, and with it the
   * whole VM, would live for as long as it is mapped. Idempotent.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    coverWithZeroPages(this.runBuffer);
    closeFile(this.fd);
  }
}

function encodeMsrs(entries: readonly MsrEntry[]): Uint8Array {
  const bytes = new Uint8Array(msrsLayout.entries + entries.length * msrEntrySizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(msrsLayout.count, entries.length, true);
  entries.forEach((entry, i) => {
    const start = msrsLayout.entries + i * msrEntrySizeBytes;
    view.setUint32(start + msrEntryLayout.index, entry.index, true);
    view.setBigUint64(start + msrEntryLayout.data, entry.data, true);
  });
  return bytes;
}

function refuseAfter(done: number, indexes: readonly number[], what: 'read' | 'write'): void {
  const refused = indexes[done];
  if (refused === undefined) return;
  throw new KvmError(
    'kvm-msr-refused',
    `KVM on this host refuses to ${what} MSR 0x${refused.toString(16)} of the guest.`,
  );
}
