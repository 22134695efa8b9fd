import type { DismountRecord } from './record.ts';

/** One act or check of a move. `intent` continues "tried to …" and "could not …". */
export type Step = StepBody & {
  readonly function: string;
  readonly intent: string;
  /** What takes the act back, in this order; done only when a later step fails. */
  readonly undo: readonly Step[];
};

type StepBody =
  /** Keeps what must be known to undo everything that follows. */
  | { readonly act: 'remember'; readonly record: DismountRecord }
  | { readonly act: 'forget' }
  /** `optional`: no such module is no failure; a later check decides. */
  | { readonly act: 'load-module'; readonly module: string; readonly optional: boolean }
  | { readonly act: 'override'; readonly driver: string | undefined }
  /** `guardNode`: the VFIO group node that nobody may have open while this is done. */
  | { readonly act: 'unbind'; readonly from: DriverIs; readonly guardNode: string | undefined }
  /** To `driver` if it is there, otherwise to whichever the kernel finds; nothing when it is bound already. */
  | { readonly act: 'bind'; readonly driver: string | undefined }
  | { readonly act: 'check-unclaimed'; readonly blockNode: string }
  | { readonly act: 'check-driver'; readonly expected: DriverIs }
  | { readonly act: 'check-node'; readonly node: string };

/** `named`: exactly that one. `host`: any but VFIO's. `home`: any but VFIO's, or none. */
export type DriverIs = { readonly is: 'vfio' | 'host' | 'home' } | { readonly is: 'named'; readonly driver: string };

/** All that a move will do, and what it will cost the host. */
export interface MovePlan {
  readonly verb: 'dismount' | 'mount';
  readonly functions: readonly string[];
  /** Functions that are where they should be already. */
  readonly unchanged: readonly string[];
  readonly steps: readonly Step[];
  /** Whole sentences: what a forced move breaks, what can't come back clean. */
  readonly warnings: readonly string[];
}
