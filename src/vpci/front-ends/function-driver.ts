import type { FunctionIdentity } from '../../functions/index.ts';
import type { DmaBuffer } from './guest-platform.ts';
import type { GuestThreads, Steps } from './guest-threads.ts';

/** A BAR that has its place and decodes. */
export interface BarAccess {
  readonly sizeBytes: number;
  /** 1, 2, 4 or 8 bytes; all ones once the function is gone. */
  read(offset: number, sizeBytes: number): bigint;
  write(offset: number, sizeBytes: number, value: bigint): void;
}

/**
 * What a guest's bus gives to the driver of one function, whichever front end runs the bus. Everything a driver touches
 * of a function, it touches through this.
 */
export interface FunctionServices {
  /** For messages. */
  readonly name: string;
  readonly identity: FunctionIdentity;
  readonly threads: GuestThreads;
  readConfig(offset: number, sizeBytes: number): number;
  writeConfig(offset: number, sizeBytes: number, value: number): void;
  /** Undefined: there is no such BAR, or it has no place. */
  bar(index: number): BarAccess | undefined;
  /** Memory decoding on, and bus mastering; or mastering off again. */
  setBusMaster(enabled: boolean): void;
  allocateDma(sizeBytes: number): DmaBuffer;
  freeDma(buffer: DmaBuffer): void;
  /** Takes up to `most` message interrupts; returns how many there are, 0 … `most`. */
  allocateVectors(most: number): Steps<number>;
  /** From now on `handler` is called for vector `index`. False: the host gave no interrupt for it. */
  connectVector(index: number, handler: () => void): Steps<boolean>;
  freeVectors(): Steps<void>;
  log(text: string): void;
}

/** `gone`: the function doesn't answer any more; everything of the guest's own is still to be given back. */
export type StopReason = 'orderly' | 'gone';

/** A running driver of one function. */
export interface RunningFunction {
  /** After it the driver holds nothing and touches nothing of the function. */
  stop(reason: StopReason): Steps<void>;
  /** The function is left at rest: no work and no interrupts, though its vectors stay its own. */
  suspend(): Steps<void>;
  /** The function is as after power-on, its BARs and vectors as they were. Throws {@link DriverFailure}, holding nothing then. */
  resume(): Steps<void>;
}

/** A driver for a kind of function. */
export interface FunctionDriver {
  readonly name: string;
  /** How many message interrupts it can make use of. */
  readonly vectorsWanted: number;
  matches(identity: FunctionIdentity): boolean;
  /** Throws {@link DriverFailure} when it can't drive the function, holding nothing then. */
  start(services: FunctionServices): Steps<RunningFunction>;
}

/** A driver gives a function up. What it took, it has given back. */
export class DriverFailure extends Error {
  override readonly name = 'DriverFailure';
}
