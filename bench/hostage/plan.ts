/** What the program in the rig gets to do, and what it reports. */
import type { Case } from './guests.ts';

export const SIDES = ['dda', 'qemu'] as const;
export type Side = (typeof SIDES)[number];

export interface HostageGuestFiles {
  readonly vmlinux: string;
  readonly initrd: string;
  /** Ends where the guest's kind follows. */
  readonly commandLine: string;
  readonly memoryMib: number;
}

export interface HostagePlan {
  readonly sides: readonly Side[];
  readonly cases: readonly Case[];
  readonly deadlineMs: number;
  /** The function that is lent. */
  readonly lent: string;
  /** One that has nothing to do with it, and is taken out and put back meanwhile. */
  readonly other: string;
  /** dda's own program. */
  readonly program: string;
  readonly guest: HostageGuestFiles;
  /** Tell what dda's daemon says, and when. */
  readonly trace: boolean;
}

/** Milliseconds; null: it never came. */
export interface Outcome {
  /** From the request to the device back with the host's driver; of an unplug: until the host's kernel has let go of it. */
  readonly returnMs: number | null;
  /** The longest time that a rescan of the host's buses took meanwhile, beyond what it takes undisturbed. */
  readonly rescanMs: number | null;
  /** Likewise of taking another device out and putting it back. */
  readonly otherMs: number | null;
}

/** How long after the deadline something that hasn't come counts as never coming. */
export const NEVER_MS = 10_000;

/** One line of the program's output. */
export type FromRig =
  | { readonly kind: 'step'; readonly text: string }
  | { readonly kind: 'outcome'; readonly side: Side; readonly case: Case; readonly outcome: Outcome }
  /** To be done from outside, by the rig's slots. */
  | { readonly kind: 'plug' | 'unplug' };

/** One line of its input: what it asked for is done. */
export interface ToRig {
  readonly done: 'plug' | 'unplug';
  readonly tookMs: number;
}
