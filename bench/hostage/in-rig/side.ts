import type { GuestConsole } from '../../in-rig/guest-console.ts';
import type { Guest } from '../guests.ts';

/** A VM that has the device, or gets it. */
export interface Borrower {
  readonly console: GuestConsole;
  /** Of the process whose end is the VM's. */
  readonly processId: number;
  lend(): Promise<void>;
  /** Settles when the device is at the host's driver, which may be never. */
  takeBack(deadlineMs: number): Promise<void>;
  /** Ends the VM by force and waits for that; then what it held is free. */
  end(): Promise<void>;
  /** What the VMM said, for the report of a failure. */
  complaints(): string;
}

/** One way to lend the device. */
export interface Lender {
  start(guest: Guest): Promise<Borrower>;
  /** The device can be lent, whatever became of it with the guest before. */
  prepare(): Promise<void>;
  close(): Promise<void>;
}
