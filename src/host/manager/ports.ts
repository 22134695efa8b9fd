import type { DiskSpec } from '../disks/disk-file.ts';
import type { ErrorReport } from '../error-report.ts';
import type { TraceChunk } from '../../trace/index.ts';
import type { ProcessMark } from '../moves/record.ts';

/**
 * What a VM is made from. Paths are the manager's to open: the VM process gets descriptors. Kept in the journal as JSON, so
 * plain values only.
 */
export interface VmSpec {
  readonly memoryBytes: number;
  readonly cpuCount: number;
  /** A bzImage or vmlinux. */
  readonly kernel: string;
  readonly initramfs?: string;
  readonly commandLine: string;
  /** `disk0`, `disk1`, …: files that are its own for as long as its process runs. */
  readonly disks?: readonly DiskSpec[];
  /** Sizes of the window for BARs above 4 GiB, the best first: functions lent later must fit in. */
  readonly highWindowBytes?: readonly number[];
}

/** How a VM process ended. */
export interface VmProcessEnd {
  readonly exitCode: number | undefined;
  /** `SIGKILL` … Undefined: it exited; both undefined: a process of an earlier manager's, whose parent took the answer. */
  readonly signal: string | undefined;
}

/** How a guest ended, in the words of its VM process. */
export interface GuestEnd {
  /** `power-off`, `reset`, `panic`, `triple-fault`, `kvm-failure`, `stopped`, `failed`. */
  readonly how: string;
  /** As it continues "VM web: …". */
  readonly detail: string;
}

export interface VmProcessStatus {
  readonly guest: 'starting' | 'running' | 'ended';
  /** What the process has open right now, as it says. */
  readonly functions: readonly string[];
  /** What the guest's kernel calls itself, once it has said so. */
  readonly guestOs?: string;
  /** How often `KVM_RUN` has returned to user space, all vCPUs. */
  readonly exits: number;
}

/** What a VM process says by itself. All of it is the word of somebody who may lie; nothing is believed that can be looked at. */
export type VmProcessEvent =
  /** The guest gave a function back without having been asked. */
  | { readonly kind: 'ejected'; readonly function: string; readonly outcome: string }
  /** VFIO's request interrupt: the host's kernel wants the function back, and the machine's plug and play waits for it. */
  | { readonly kind: 'release-requested'; readonly function: string }
  /** VFIO's error interrupt. */
  | { readonly kind: 'function-failed'; readonly function: string; readonly reason: string }
  /** The guest panicked, and its kernel said so. */
  | { readonly kind: 'crashed'; readonly report: unknown }
  /** The guest shut down or reset; the process ends by itself soon. */
  | ({ readonly kind: 'guest-ended' } & GuestEnd)
  | { readonly kind: 'guest-os'; readonly name: string }
  | { readonly kind: 'console'; readonly bytes: Uint8Array }
  /** Checked: it holds records, whatever is in them. */
  | ({ readonly kind: 'trace' } & TraceChunk)
  | { readonly kind: 'log'; readonly text: string };

/** How one function reaches a VM process. */
export interface LendOrder {
  readonly function: string;
  /** Which lending of this VM it is, from 1: the guest sees it as a serial number. */
  readonly serial: number;
  readonly numaNode: number | undefined;
  /** `/dev/vfio/12`. The port opens it, passes the descriptor, and closes its copy before it resolves. */
  readonly groupNode: string;
  /** `/dev/vfio/devices/vfio3` where the kernel has one: for VM processes that work with iommufd. */
  readonly deviceNode: string | undefined;
  /** The process has the group open already, for another function of it: the node would answer EBUSY. */
  readonly groupIsOpen: boolean;
}

export type LendOutcome =
  | { readonly outcome: 'lent' }
  /** `handedOver`: the process was sent the descriptor, so that only its word or its end says that it has let go. */
  | { readonly outcome: 'failed'; readonly handedOver: boolean; readonly error: ErrorReport };

/**
 * One VM process. Requests are answered when the process answers; they never time out here, because the manager has the
 * deadlines. All of them reject with HostError `vm-gone` once the process has ended, and `vm-not-answering` for an answer that
 * makes no sense. Each can be repeated: a function that is there already is `lent`, one that isn't is revoked.
 */
export interface VmProcess {
  readonly name: string;
  readonly mark: ProcessMark;
  /** Resolves when the process is gone and the kernel has closed what it held; never rejects. */
  readonly ended: Promise<VmProcessEnd>;
  status(): Promise<VmProcessStatus>;
  lend(order: LendOrder): Promise<LendOutcome>;
  /**
   * Asks the guest to let go. `heard` is called when the process says that it is doing so; the promise resolves when mappings,
   * DMA, interrupts and descriptors are gone, because the guest let go or because the deadline passed.
   */
  eject(name: string, deadlineMs: number, heard: () => void): Promise<void>;
  /** Takes the function from the guest. Resolves when mappings, DMA, interrupts and descriptors are gone. */
  revoke(name: string): Promise<void>;
  /** Whether the kernel keeps it from running (SIGSTOP, a debugger), so that it answers nothing. */
  isStopped(): boolean;
  /** Tells it to end. Resolves when it has heard so; `ended` tells of the end. */
  stop(): Promise<void>;
  /** SIGKILL to that very process (by pidfd, so never to a later one of the same id). Does nothing when it has ended. */
  kill(): void;
  /** To the guest's serial port. */
  type(bytes: Uint8Array): Promise<void>;
  /** From now on, or no longer, `trace` events come; also when the connection was lost meanwhile. */
  followTrace(on: boolean): void;
  /** Calls `listener` with what the process says by itself from now on, in order. Gives what ends that. */
  listen(listener: (event: VmProcessEvent) => void): () => void;
}

/** Where VM processes come from. `src/host/vm-processes` is the real one. */
export interface VmPort {
  /**
   * Starts the process of a VM, detached from this one, and connects to it. `started` is called with its mark as soon as
   * there is a process, before it does anything: the journal must know it. Rejects with HostError; then no process is left.
   */
  start(name: string, spec: VmSpec, started: (mark: ProcessMark) => void): Promise<VmProcess>;
  /**
   * Finds the process that an earlier manager started, and connects to it, be it one that doesn't answer. `mark`: what the
   * journal knows; undefined: the manager died between starting it and noting it, so it must be looked for by its name.
   * Undefined: there is no such process any more.
   */
  find(name: string, mark: ProcessMark | undefined): Promise<VmProcess | undefined>;
}

/** How long things take and when they are due: real time, or a test's. */
export interface ClockPort {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Calls `due` once after `delayMs`. Gives what takes it back. */
  after(delayMs: number, due: () => void): () => void;
}

/** Who comes first where processors are few. */
export interface PrecedencePort {
  /** At once: this process comes before VMs. */
  comeFirst(): void;
  /** For `forMs` milliseconds it doesn't. */
  giveWay(forMs: number): void;
}
