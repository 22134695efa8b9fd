import type { Destination, Resettable, VirtualFunctionSettings, VirtualFunctionsDriver } from './owner.ts';

/** What can be seen of a function from outside: what it is, and whose driver has it. */
export interface Sighting {
  readonly name: string;
  readonly ids: string;
  readonly group: string;
  readonly physicalFunction: string | undefined;
  readonly resettable: Resettable;
  /** `vfio`: VFIO's driver has it. `home`: one of the host's. */
  readonly driver: 'vfio' | 'home' | 'none';
  /** Set when it was dismounted for good by somebody else (`dda dismount` without a manager): it joins that pool. */
  readonly adoptInto: string | undefined;
}

/**
 * What making sure of a function that was said to be out of everybody's reach found.
 *
 * - `clean`: nobody has it open, and it was reset (or was to be left as it is).
 * - `held`: somebody has it, or another of its IOMMU group, open.
 * - `reset-failed`, `no-reset`: nobody has it open, but nobody knows what it still does.
 * - `stuck`: looking, or resetting, did not end in time.
 * - `unbound`: VFIO's driver hasn't got it, so that nobody reaches it that way. Where no driver has it, it was reset; where one
 *   of the host's has it, that one has set it up anew.
 * - `gone`: it is not in the host any more.
 */
export type Finding = 'clean' | 'held' | 'reset-failed' | 'no-reset' | 'stuck' | 'unbound' | 'gone';

export type Request =
  /** Both act on all functions of the IOMMU groups. */
  | { readonly kind: 'dismount'; readonly functions: readonly string[]; readonly pool: string; readonly force: boolean }
  | { readonly kind: 'mount'; readonly functions: readonly string[] }
  | { readonly kind: 'assign'; readonly vm: string; readonly function: string }
  /** Everything of the IOMMU group that the VM has comes along. `deadlineMs`: how long the guest has; 0: it isn't asked. */
  | {
      readonly kind: 'remove';
      readonly vm: string;
      readonly function: string;
      readonly deadlineMs: number;
      readonly to: Destination;
    }
  /** From quarantine to the pool. `reset`: false takes it as it is. */
  | { readonly kind: 'release'; readonly function: string; readonly reset: boolean }
  /** `settings`: by index; fewer than there are leave the rest as the driver makes them. */
  | {
      readonly kind: 'reshape';
      readonly function: string;
      readonly virtualFunctions: number;
      readonly settings: readonly VirtualFunctionSettings[];
      readonly drivenBy: VirtualFunctionsDriver;
    }
  | { readonly kind: 'create-vm'; readonly vm: string }
  /** `force`: kill it at once. */
  | { readonly kind: 'stop-vm'; readonly vm: string; readonly force: boolean };

/** The word of a VM process. It may be a lie: the machine is right whatever comes when. */
export type VmWord =
  | { readonly kind: 'lent'; readonly vm: string; readonly function: string }
  /** It was asked for the function and is at it. */
  | { readonly kind: 'heard'; readonly vm: string; readonly function: string }
  /** The function is out of the guest's and the process's hands: it was never taken, or ejected, or revoked. */
  | { readonly kind: 'let-go'; readonly vm: string; readonly function: string }
  /** VFIO's error interrupt, or its request interrupt (the host's kernel waits for the function to be let go). */
  | { readonly kind: 'wanted-now'; readonly vm: string; readonly function: string }
  /** The guest panicked, shut down or reset: it need not be asked any more. */
  | { readonly kind: 'guest-dead'; readonly vm: string };

/** How acts ended, and what the kernel tells by itself. */
export type HostFact =
  /** A dismount or a mount. */
  | { readonly kind: 'moved'; readonly functions: readonly string[] }
  /** They are where they were, unless `stuck`. */
  | { readonly kind: 'move-failed'; readonly functions: readonly string[]; readonly stuck: boolean }
  | { readonly kind: 'reshaped'; readonly function: string }
  | { readonly kind: 'verified'; readonly findings: ReadonlyMap<string, Finding> }
  /** The function never reached the VM process. */
  | { readonly kind: 'not-handed-over'; readonly vm: string; readonly function: string }
  | { readonly kind: 'vm-started'; readonly vm: string }
  /** The process is stopped (SIGSTOP, a debugger), and does nothing that it is told. */
  | { readonly kind: 'vm-stopped'; readonly vm: string }
  /** The process is gone, and the kernel has closed what it had open. */
  | { readonly kind: 'vm-ended'; readonly vm: string }
  /** The host's kernel waits for the function to be let go (seen in its log, whatever the VM process says). */
  | { readonly kind: 'host-waits'; readonly function: string }
  | { readonly kind: 'seen'; readonly sighting: Sighting }
  | { readonly kind: 'gone'; readonly function: string };

export type Timeout =
  | { readonly kind: 'function-due'; readonly function: string }
  | { readonly kind: 'vm-due'; readonly vm: string };

/** A manager starts: what the journal says is the world, and this is what can be seen. */
export interface Restart {
  readonly kind: 'restart';
  /** Every function of the host. */
  readonly sightings: ReadonlyMap<string, Sighting>;
  readonly liveVms: ReadonlySet<string>;
}

export type OwnershipEvent = Request | VmWord | HostFact | Timeout | Restart;
