import type { GuestThreads } from './guest-threads.ts';

/** One of the guest's interrupt vectors on one of its virtual processors. */
export interface VectorTarget {
  readonly vector: number;
  readonly vp: number;
}

/** Guest memory that a device can reach; page-aligned. Offsets are from its start. */
export interface DmaBuffer {
  readonly gpa: number;
  readonly sizeBytes: number;
  read(offset: number, sizeBytes: number): Uint8Array;
  write(offset: number, bytes: Uint8Array): void;
}

export interface MmioRequest {
  readonly sizeBytes: number;
  /** A power of two, at least 4096. */
  readonly alignBytes: number;
  /** Whether all of it has to be below 4 GiB, or else above. */
  readonly below4GiB: boolean;
}

/** HvCallRetargetDeviceInterrupt, as far as front ends fill it in. */
export interface RetargetCall {
  readonly deviceId: number;
  readonly addressLow: number;
  readonly data: number;
  readonly vector: number;
  readonly vps: readonly number[];
}

/** What a front end needs of the guest's kernel and processor. */
export interface GuestPlatform {
  readonly threads: GuestThreads;
  /** A load from guest-physical address space; all ones where nothing answers. `sizeBytes` 1, 2, 4 or 8. */
  readMmio(gpa: number, sizeBytes: number): bigint;
  writeMmio(gpa: number, sizeBytes: number, value: bigint): void;
  /** A range for a config window or BARs; undefined: there is no such room. */
  allocateMmio(request: MmioRequest): number | undefined;
  freeMmio(gpa: number): void;
  allocateDma(sizeBytes: number): DmaBuffer;
  freeDma(buffer: DmaBuffer): void;
  /** A vector of the guest's own choice; undefined: all are taken. */
  allocateVector(): VectorTarget | undefined;
  /** What an interrupt on it calls, with interrupts off; undefined: nothing any more. */
  handleVector(target: VectorTarget, handler: (() => void) | undefined): void;
  freeVector(target: VectorTarget): void;
  /** The hypercall's status; 0 is success. */
  retarget(call: RetargetCall): number;
  log(text: string): void;
}
