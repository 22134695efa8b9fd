import type { HypercallRegisters } from './hypercall-control.ts';

/** Hears of every hypercall. It must not call back, nor keep `input`. */
export interface HypercallRecorder {
  /**
   * `vp` has made a hypercall, which is carried out next. `input`: the host's own copy of what it takes in; undefined where
   * the call was refused before there was one.
   */
  hypercall(vp: number, registers: HypercallRegisters, input: Uint8Array | undefined): void;
  /** RAX of the last one. */
  hypercallEnded(result: bigint): void;
}

/** Where a recorder may be put in while everything runs. Without one, all that is done is to look. */
export interface Tap<Recorder> {
  readonly recorder: Recorder | undefined;
}

/** Nobody ever records. */
export const NO_TAP: Tap<never> = { recorder: undefined };
