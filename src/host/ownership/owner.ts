/** Where a function that was borrowed goes when it comes back. */
export type Destination = 'pool' | 'host';

/** Why a function is kept apart. */
export const QuarantineReason = {
  /** Its reset failed: nobody knows what it still does. */
  resetFailed: 'reset-failed',
  /** A VM had it, and there is no way to reset it. */
  noReset: 'no-reset',
  /** Somebody still holds it open, though the VM process was killed. */
  held: 'held',
  /** An act on it is still blocked in the kernel. */
  stuck: 'stuck',
  /** It was dismounted, the host's driver got hold of it again, and could not be made to release it. */
  notDismounted: 'not-dismounted',
} as const;
export type QuarantineReason = (typeof QuarantineReason)[keyof typeof QuarantineReason];

/**
 * How far a return has come.
 *
 * - `asking`: the guest was asked to let go, and has until the deadline.
 * - `revoking`: the VM process was told to take it from the guest, and has until the bound to confirm that.
 * - `released`: the VM process says that it has let go of this one, but not yet of the others of the IOMMU group.
 * - `ending`: the VM process is on its way out, by itself or killed; its end is the release.
 */
export type ReturnPhase = 'asking' | 'revoking' | 'released' | 'ending';

/** What a virtual function is to have; given to the physical function and its driver (`src/host/sriov`). */
export interface VirtualFunctionSettings {
  /** NVMe: queue pairs, the one for admin commands included. */
  readonly queues?: number | undefined;
  /** NVMe: interrupt vectors. */
  readonly interrupts?: number | undefined;
  readonly mac?: string | undefined;
  readonly vlan?: number | undefined;
  readonly trust?: boolean | undefined;
}

/** Whose driver new virtual functions get: `nobody`, they are the host's all the same, and none has them. */
export type VirtualFunctionsDriver = 'host' | 'nobody';

/**
 * Who has a function: exactly one of these at any time. Each is also the intent on disk: what is done in a state begins when the
 * state is entered, and begins anew when the manager starts and finds it so.
 */
export type Owner =
  /** The host's: a driver of the host has it, or none. */
  | { readonly kind: 'host' }
  /** On its way from the host's driver to the pool. `from`: where it is if that can't be done. */
  | { readonly kind: 'dismounting'; readonly pool: string; readonly from: Destination; readonly force: boolean }
  /** Dismounted, and nobody's. */
  | { readonly kind: 'pool'; readonly pool: string }
  /** On its way from the pool to the host's driver. */
  | { readonly kind: 'mounting'; readonly pool: string }
  /** A physical function of the host's whose virtual functions are being made or removed. */
  | {
      readonly kind: 'reshaping';
      readonly virtualFunctions: number;
      readonly settings: readonly VirtualFunctionSettings[];
      readonly drivenBy: VirtualFunctionsDriver;
    }
  /** Handed to a VM process that has not yet said that the guest has it, and has until then to say so. */
  | { readonly kind: 'lending'; readonly vm: string; readonly pool: string; readonly untilMs: number }
  /** The guest has it. */
  | { readonly kind: 'lent'; readonly vm: string; readonly pool: string }
  /** On its way out of a VM, still in the reach of its process. */
  | {
      readonly kind: 'returning';
      readonly vm: string;
      readonly pool: string;
      readonly to: Destination;
      readonly phase: ReturnPhase;
      /** When the phase ends whatever the VM does, milliseconds since 1970; undefined: the VM's own bound ends it. */
      readonly untilMs: number | undefined;
      /** In `asking`: the VM process has answered at all, so it deserves the bound for confirming. */
      readonly heard: boolean;
    }
  /** Said to be out of everybody's reach: that is being made sure of, and it is being reset. */
  | {
      readonly kind: 'verifying';
      /** Whose it was; undefined: that process has ended, or it comes from quarantine. */
      readonly vm: string | undefined;
      readonly pool: string;
      readonly to: Destination;
      /** False: an administrator takes it as it is. */
      readonly reset: boolean;
    }
  /** Kept apart, bound to VFIO's driver: neither lent nor given back before somebody says so. `vm`: who may still hold it. */
  | {
      readonly kind: 'quarantine';
      readonly pool: string;
      readonly reason: QuarantineReason;
      readonly vm: string | undefined;
    };

export type OwnerKind = Owner['kind'];

/** Whether a VM can be reset between two owners: `unknown` where the kernel doesn't say. */
export type Resettable = 'yes' | 'no' | 'unknown';

/** One function and its owner. Plain JSON: this is what the journal keeps. */
export interface FunctionState {
  /** `0000:01:00.0` */
  readonly name: string;
  /** `1b36:0010`: another device in the same place is another function. */
  readonly ids: string;
  /** The IOMMU group's number; a name of its own where there is none. */
  readonly group: string;
  /** Set for a virtual function. */
  readonly physicalFunction: string | undefined;
  readonly resettable: Resettable;
  /** False: unplugged; kept, because it belongs to the pool and may come back. */
  readonly present: boolean;
  readonly owner: Owner;
}

/**
 * How a VM process stands.
 *
 * - `starting`: being started.
 * - `running`: it runs, whatever its guest does.
 * - `stopping`: told to end by itself, within the bound.
 * - `killing`: killed; the kernel has until the bound to end it.
 * - `unkillable`: the kernel did not end it in time; what it held is in quarantine until it does.
 */
export type VmPhase = 'starting' | 'running' | 'stopping' | 'killing' | 'unkillable';

/** One VM process. Plain JSON. */
export interface VmState {
  readonly name: string;
  readonly phase: VmPhase;
  /** When the phase ends whatever the VM does, milliseconds since 1970. */
  readonly untilMs: number | undefined;
}
