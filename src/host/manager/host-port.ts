import type { MoveReport } from '../moves/execute.ts';
import type { Finding, Sighting } from '../ownership/events.ts';
import type { VirtualFunctionSettings, VirtualFunctionsDriver } from '../ownership/owner.ts';
import type { FunctionSurvey } from '../survey/survey.ts';

/** What can be seen of one function right now. */
export interface Look extends Sighting {
  /** Six hexadecimal digits: `010802`. */
  readonly classCode: string;
  readonly numaNode: number | undefined;
  /** `/dev/vfio/12`; undefined: it is in no IOMMU group. */
  readonly groupNode: string | undefined;
  readonly deviceNode: string | undefined;
}

export interface DismountOptions {
  /** From a host that uses them, too. */
  readonly force: boolean;
  /** They were dismounted before: which driver has them now says nothing about whose they are. */
  readonly again: boolean;
}

/** The host's functions: to be looked at, and to be moved. Nothing here waits for ever. */
export interface HostPort {
  /** Every function that is no part of the machine itself. */
  look(): ReadonlyMap<string, Look>;
  /** What programs of dda that ended in the middle of something have kept from others. */
  releaseDead(): void;
  /** Undefined: it isn't there. Reads that function alone. */
  lookAt(name: string): Look | undefined;
  /** The virtual functions that a physical one has. */
  virtualFunctionsOf(name: string): readonly string[];
  /** Whether it is there but a part of the machine itself: a bridge, an interrupt controller. */
  isMachinery(name: string): boolean;
  /** Reads all of the host. Throws HostError `no-such-function`. */
  survey(names: readonly string[] | undefined): Promise<readonly FunctionSurvey[]>;
  /** All or none. Throws HostError; of `driver-change-stuck`, `operation-stuck` and `undo-failed` nobody knows where they are. */
  dismount(functions: readonly string[], options: DismountOptions): Promise<MoveReport>;
  /** As {@link dismount}. */
  mount(functions: readonly string[]): Promise<MoveReport>;
  /** Reads and plans what `verify` and `mount` of them will, and changes nothing. Throws HostError. */
  rehearse(functions: readonly string[]): Promise<void>;
  /** Drops what was noted for giving it back. */
  forget(name: string): void;
  /** Makes sure that nobody has the functions' IOMMU group open, keeps everybody out, and resets each. */
  verify(functions: readonly string[], reset: boolean): Promise<ReadonlyMap<string, Verified>>;
}

export interface Verified {
  readonly finding: Finding;
  /** What the kernel said, where it said something: a whole sentence. */
  readonly detail: string | undefined;
}

export interface WantedVirtualFunctions {
  readonly count: number;
  readonly settings: readonly VirtualFunctionSettings[];
  readonly drivenBy: VirtualFunctionsDriver;
}

/** Makes and removes virtual functions. `src/host/sriov` is the real one. */
export interface VirtualFunctionsPort {
  /**
   * Sees to it that the physical function has `count` virtual ones with these settings, by index; 0 removes them. Can be
   * repeated. Throws HostError.
   */
  shape(physicalFunction: string, wanted: WantedVirtualFunctions): Promise<void>;
}

/** What the host's kernel tells by itself. */
export type HostNews =
  /** A function came, or changed its driver (a uevent). */
  | { readonly kind: 'function-changed'; readonly function: string }
  /** A function left (a uevent). There may be one in its place again by the time that this is heard. */
  | { readonly kind: 'function-left'; readonly function: string }
  /** vfio-pci waits for a function to be let go, and the machine's plug and play with it (seen in the kernel's log). */
  | { readonly kind: 'host-waits'; readonly function: string }
  /** Some news got lost: everything is to be looked at again. */
  | { readonly kind: 'lost' };

export interface HostNewsPort {
  /** Gives what ends it. */
  listen(listener: (news: HostNews) => void): () => void;
}
