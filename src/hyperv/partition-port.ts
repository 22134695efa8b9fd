import type { CrashReport } from './crash.ts';
import type { GuestOs } from './guest-os.ts';
import type { HypercallHandlers } from './hypercalls.ts';

/** What a partition asks of the machine around it. None of these may throw because of what a guest did. */
export interface PartitionPort extends HypercallHandlers {
  /** Injects `vector` into `vp`: fixed, edge, physical destination, APIC id = `vp`. */
  assertInterrupt(vp: number, vector: number): void;
  /** The guest says that it has crashed; at most {@link MAX_CRASH_REPORTS} times between resets. */
  crashed(report: CrashReport): void;
  /** Another operating system has named itself; undefined: the one before has gone, and its VMBus connection with it. */
  guestOsChanged(guestOs: GuestOs | undefined): void;
  /**
   * `vp` keeps its assist page at `gpa` from now on; undefined: it has none. Comes only with `lazyEoi`, and asks to have the
   * page's first bit, "no EOI required", kept by whoever injects interrupts.
   */
  assistPageChanged(vp: number, gpa: bigint | undefined): void;
  /** A monotonic reading, in nanoseconds since the guest's TSC was zero. */
  elapsedNs(): bigint;
}
