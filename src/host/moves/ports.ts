import type { NvmeAdminCommand, NvmeCompletion } from '../../linux/index.ts';
import type { AutoprobeNote, DismountRecord, ProcessMark, StuckAct } from './record.ts';

/** How an act in the kernel ended. */
export type ActOutcome =
  | { readonly outcome: 'done' }
  /** `code`: errno's name where it is known, such as `EBUSY`. `text`: what was said. */
  | { readonly outcome: 'failed'; readonly code: string | undefined; readonly text: string }
  /** It didn't end in time, and the process that does it can't be ended: it goes on by itself. */
  | { readonly outcome: 'stuck'; readonly processId: number; readonly afterMs: number };

/** What a read that may block gave. */
export type ReadOutcome =
  | { readonly outcome: 'done'; readonly text: string }
  | Exclude<ActOutcome, { outcome: 'done' }>;

/** What a device, or the kernel for it, answered. */
export type DeviceOutcome<T> =
  | { readonly outcome: 'done'; readonly value: T }
  | Exclude<ActOutcome, { outcome: 'done' }>;

/** Whether anybody has a VFIO group node open. `free`: nobody, and nobody can until `release` is called. */
export type NodeClaim =
  | { readonly state: 'free'; readonly release: () => void }
  | { readonly state: 'held' }
  | { readonly state: 'absent' };

/** What dda asks the kernel to do: the only place where a host is changed. */
export interface KernelActions {
  /** Writes an attribute. May block in the kernel for ever, so it is given up after `deadlineMs`. */
  write(path: string, value: string, deadlineMs: number): Promise<ActOutcome>;
  /** Reads an attribute whose text the kernel gives out only when nothing else is done to the device; given up likewise. */
  read(path: string, deadlineMs: number): Promise<ReadOutcome>;
  /** Loads a module by its name or by a device's modalias, as udev would. */
  loadModule(name: string, deadlineMs: number): Promise<ActOutcome>;
  /**
   * Sends admin commands to the NVMe controller behind `node` (`/dev/nvme0`), in this order, until one has a status other than
   * success; gives the completions up to that one. May wait for the controller, so it is given up after `deadlineMs`.
   */
  nvmeAdmin(
    node: string,
    commands: readonly NvmeAdminCommand[],
    deadlineMs: number,
  ): Promise<DeviceOutcome<NvmeCompletion[]>>;
  /** Sends rtnetlink messages, in this order, until one is refused; gives their answers. May wait for a driver, as above. */
  changeLinks(messages: readonly Uint8Array[], deadlineMs: number): Promise<DeviceOutcome<Uint8Array[]>>;
  claimGroupNode(node: string): NodeClaim;
  /** Whether the kernel has a block device claimed for itself (mounted anywhere, a volume's member, swap). Undefined: gone. */
  isBlockDeviceClaimed(node: string): boolean | undefined;
}

/** What was dismounted from where. Survives the process, not the host's restart: then nothing is dismounted any more. */
export interface RecordStore {
  /** By function name. Throws HostError `record-unusable`, as all of these do. */
  list(): ReadonlyMap<string, DismountRecord>;
  /** The record of one function alone: its cost doesn't grow with their number. */
  get(name: string): DismountRecord | undefined;
  write(record: DismountRecord): void;
  remove(name: string): void;
  listStuck(): ReadonlyMap<string, StuckAct>;
  writeStuck(act: StuckAct): void;
  removeStuck(name: string): void;
  /** Settings that are to be put back: each is there from before the creation that changes it until it is as it was. */
  listAutoprobe(): ReadonlyMap<string, AutoprobeNote>;
  getAutoprobe(name: string): AutoprobeNote | undefined;
  writeAutoprobe(note: AutoprobeNote): void;
  removeAutoprobe(name: string): void;
  /**
   * Takes the right to move what `key` names, without waiting. `isAlive` tells whether the process that a lock names still
   * runs; a lock left behind by one that doesn't is taken over.
   */
  lock(key: string, owner: LockOwner, isAlive: (mark: ProcessMark) => boolean): LockResult;
  /** Lets go of what processes hold that run no more. Of a group that is gone itself, nobody would come to take it over. */
  releaseDead(isAlive: (mark: ProcessMark) => boolean): void;
}

export interface LockOwner extends ProcessMark {
  readonly command: string;
}

export type LockResult =
  | { readonly locked: true; readonly release: () => void }
  | { readonly locked: false; readonly owner: LockOwner | undefined };
