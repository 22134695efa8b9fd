import type { Choices } from './choices.ts';
import type { Probe } from './probe.ts';

/** A part of the product that takes what nobody vouches for, with a guest, a VM process or a caller that is up to no good. */
export interface Target {
  readonly name: string;
  /** What is driven with what, in a sentence. */
  readonly title: string;
  /** Bytes of choices for a setup and for an operation, at most. */
  readonly setupBytes: number;
  readonly operationBytes: number;
  /** Operations in one run, at most. */
  readonly mostOperations: number;
  /** Steps that one operation may take. */
  readonly workLimit: number;
  /** Operations between two looks at coverage, at most: fewer for slow targets. */
  readonly mostBetweenLooks: number;
  /** A fresh one of it. */
  begin(setup: Choices, probe: Probe): Run | Promise<Run>;
}

/** A life of a target. Whatever `operate` and `finish` throw is a finding. */
export interface Run {
  /** Feeds one thing to a decoder or a state machine, then looks whether all rules hold. */
  operate(choices: Choices): void | Promise<void>;
  /** What must hold at the end. */
  finish(): void | Promise<void>;
}
