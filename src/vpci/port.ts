import type { MsiMessage } from '../functions/index.ts';
import type { ConfigWindowPlan } from './config-window.ts';
import type { InterruptTarget } from './interrupt-tokens.ts';
import type { Slot } from './slot.ts';

/** `code` is stable; `text` is a sentence with numbers, never guest text. */
export interface VpciLogEntry {
  readonly severity: 'info' | 'warning';
  readonly code: string;
  readonly text: string;
}

/**
 * How an ejection ended: the guest said so, or it closed the channel (driver unbound, reboot, crash) and so holds
 * nothing any more.
 */
export type EjectionOutcome = 'completed' | 'channel-closed';

/**
 * What a provider needs of the machine around it. Calls come synchronously from within the provider's methods, when its
 * own state is already settled: an implementation may call back into it, or rescind the offer.
 */
export interface VpciPort {
  /**
   * Puts the config window at `gpa` (page-aligned, 0x2000 bytes) as `plan` says. Returns the NTSTATUS to refuse the
   * guest's BUS_D0ENTRY with when the range is RAM or something else's.
   */
  mapConfigWindow(gpa: number, plan: ConfigWindowPlan): true | number;
  /** The mapped window is to answer differently from now on: a function has gone. */
  configWindowChanged(plan: ConfigWindowPlan): void;
  unmapConfigWindow(): void;
  /** `message` goes to `target` from now on; undefined: it means nothing any more. Only real changes are told. */
  interruptTargetChanged(message: MsiMessage, target: InterruptTarget | undefined): void;
  /** An ejection that {@link VpciProvider.eject} asked for is over. The provider doesn't touch the function any more. */
  ejectionCompleted(slot: Slot, outcome: EjectionOutcome): void;
  /** The guest has let go of the rescinded offer: its instance id may be offered anew. */
  released(): void;
  /** At most 8 + log2(n) entries of a code that occurred n times. */
  log(entry: VpciLogEntry): void;
}
