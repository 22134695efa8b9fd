/**
 * The policy over configuration space: what a guest may read, write, and what is emulated, hidden or passed on, each with
 * its reason. The tables are all there is: `config-layout.ts` compiles them into the guest's view, `config-policy-page.ts`
 * into docs/config-policy.md. A bit that no row shows reads 0 and swallows writes.
 */

/** One register. Masks are over the register's own bits; a mask left out is empty. */
export interface RegisterRule {
  readonly register: string;
  /** From the start of configuration space for the header, of the capability for the others. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** Bits that read as the function had them after its last reset; 'all' for runs of bytes. */
  readonly shown?: number | 'all';
  /** Bits that the guest may change in its own view only. */
  readonly kept?: number;
  /** Bits that the guest may change and that are written to the function too. */
  readonly passedOn?: number;
  /** Bits that read 0 and do something when the guest writes 1. */
  readonly acts?: number;
  /** What the view computes for this register, where masks don't say it. */
  readonly emulated?: string;
  readonly reason: string;
}

/** A capability that the guest sees, with the registers it sees of it. */
export interface ShownCapability {
  readonly visibility: 'shown';
  readonly id: number;
  /** A function may have several of it; of the others only the first counts. */
  readonly repeats?: true;
  readonly registers: readonly RegisterRule[];
  readonly reason: string;
}

/** A capability that is taken out of the guest's list. */
export interface HiddenCapability {
  readonly visibility: 'hidden';
  readonly id: number;
  readonly reason: string;
}

export type CapabilityRule = ShownCapability | HiddenCapability;

/** For capabilities that no row names. */
export const unlistedCapabilityReason = 'Nothing is known of what its registers reach, so nothing of it is shown.';

/** For bytes outside the header and outside every capability. */
export const deviceSpecificReason =
  'Registers of unknown meaning may reach beyond the function or change by themselves. They read 0 and swallow writes.';
