import type { ChildProcess } from 'node:child_process';
import type { GuestConsole } from './guest-console.ts';

/** What both sides start their guest from: files in the rig's memory. */
export interface GuestFiles {
  readonly vmlinux: string;
  readonly initrd: string;
  /** Whole, and without what dda puts before it by itself. */
  readonly commandLine: string;
  readonly addedCommandLine: string;
  readonly memoryMib: number;
  /** With what its first line from user space begins. */
  readonly firstLine: string;
}

/** One VMM process with one guest. */
export interface Vmm {
  readonly process: ChildProcess;
  readonly console: GuestConsole;
  /** By `performance.now()`, before the process was asked for. */
  readonly startedAt: number;
  /** Settles when it can be asked for something. */
  ready(): Promise<void>;
  /** Asks for the hot-add; settles when the VMM has accepted it. */
  add(): Promise<void>;
  /** Asks for the function back; settles when the VMM says that it has it. Some give up after `timeoutMs`. */
  eject(timeoutMs?: number): Promise<void>;
  /** Exits to user space by the VMM's own count; undefined: it doesn't count. */
  ownExits(): Promise<number | undefined>;
  /** What the VMM said, for the report of a failure. */
  complaints(): string;
  /** For a round that failed: at once. */
  kill(): void;
}
