import type { Manager } from '../manager/manager.ts';

/** Where a manager keeps what it must not forget. */
export interface ManagerPlaces {
  /** Of the journal. */
  readonly stateDirectory: string;
  /** Of udev's rules for dismounted functions; undefined: none, so a restart of the host may give them back for a while. */
  readonly rulesPath: string | undefined;
  /** Of the sockets of its VM processes; default: where those of the daemon are. */
  readonly vmDirectory?: string;
}

/** What a manager has to say besides its events. */
export interface ManagerReports {
  /** A line that a VM process says. */
  readonly vmSaid: (vm: string, text: string) => void;
  readonly warn: (text: string) => void;
  /** Something that went wrong and stands in nobody's way. */
  readonly problem: (error: unknown) => void;
  /** It has stopped for good, and left everything as it is: the daemon must end. */
  readonly fatal: (error: unknown) => void;
}

export interface OpenedManager {
  readonly manager: Manager;
  /** Leaves everything as it is and lets go: VMs run on. */
  readonly close: () => Promise<void>;
}
