/** What the rounds in the rig get to do, and what they report. */
import type { ExitsSeen } from './in-rig/exit-trace.ts';
import type { GuestFiles } from './in-rig/vmm.ts';

export const SIDES = ['dda', 'qemu'] as const;
export type Side = (typeof SIDES)[number];

export interface RoundsConfig {
  readonly rounds: number;
  /** The function that both sides lend, in turn. */
  readonly bdf: string;
  /** The files as they are outside; the rounds copy them into the rig's memory. */
  readonly guest: GuestFiles;
  /** Follow what start and hot-add take their time for. That costs time: such rounds are not for comparing. */
  readonly phases: boolean;
  /** dda's own program: as built, or in the sources. */
  readonly program: string;
}

/**
 * What a round measures. `boot`, `hot-add`, `eject`: milliseconds. `exits`: to user space, in a hot-add of its own. `read4k`: a
 * second. `stream`: MiB a second. `memory`: MiB.
 */
export const MEASURES = ['boot', 'hot-add', 'eject', 'exits', 'read4k', 'stream', 'memory'] as const;
export type Measure = (typeof MEASURES)[number];
export type Measured = Readonly<Record<Measure, number>>;

/** A part of a VMM's start or of a hot-add. */
export interface Phase {
  readonly name: string;
  readonly ms: number;
}

export interface RoundResult {
  readonly measured: Measured;
  readonly exitsSeen: ExitsSeen;
  /** Exits in the same window by dda's own count; QEMU has none. */
  readonly ownExits: number | undefined;
  /** The guest's own clock at its first line, in seconds since its kernel's start. */
  readonly guestUptimeSeconds: number;
  /** Empty unless asked for. */
  readonly phases: Readonly<Record<'boot' | 'hot-add', readonly Phase[]>>;
}

/** One line of the rounds' output. */
export type RoundsLine =
  | { readonly kind: 'step'; readonly side: Side; readonly round: number; readonly step: string; readonly ms: number }
  | { readonly kind: 'measured'; readonly side: Side; readonly round: number; readonly result: RoundResult };
