import type { TraceChunk } from '../../trace/index.ts';
import type { ErrorReport } from '../error-report.ts';
import type { AuditEntry, AuditPage, Caller } from '../journal/audit.ts';
import type {
  Destination,
  FunctionState,
  VirtualFunctionSettings,
  VirtualFunctionsDriver,
  VmPhase,
} from '../ownership/owner.ts';
import type { FunctionSurvey } from '../survey/survey.ts';
import type { GuestEnd, VmSpec } from './ports.ts';

/** One function as the manager has it. */
export interface ManagedFunction extends FunctionState {
  /** The VM that has it or may still reach it. */
  readonly vm: string | undefined;
  /** When what it waits for ends whatever the VM does; milliseconds since 1970. */
  readonly untilMs: number | undefined;
  /** What went wrong with it last, since its last request. */
  readonly problem: ErrorReport | undefined;
}

export interface ManagedVm {
  readonly name: string;
  readonly phase: VmPhase;
  readonly spec: VmSpec;
  readonly processId: number | undefined;
  readonly functions: readonly string[];
  /** ISO 8601. */
  readonly createdAt: string;
  readonly guestOs: string | undefined;
  /** The guest's own report, when its kernel panicked. */
  readonly crash: unknown;
}

/** What a VM's process counts, in its own word. */
export interface VmCounters {
  /** How often `KVM_RUN` has returned to user space, all vCPUs. */
  readonly exits: number;
}

export interface ManagerSnapshot {
  /** Grows by one with each change; the same number in {@link ManagerEvent}. */
  readonly revision: number;
  /** In ascending order of address. */
  readonly functions: readonly ManagedFunction[];
  readonly vms: readonly ManagedVm[];
  readonly pools: readonly string[];
}

/** What changed. A reader that has a snapshot of revision n needs every event from n + 1 on. */
export type ManagerEvent = { readonly revision: number; readonly at: string } & (
  | { readonly kind: 'function-changed'; readonly function: ManagedFunction }
  /** It was unplugged, and nobody keeps its place. */
  | { readonly kind: 'function-removed'; readonly name: string }
  | { readonly kind: 'vm-changed'; readonly vm: ManagedVm }
  | {
      readonly kind: 'vm-removed';
      readonly name: string;
      readonly exitCode: number | undefined;
      /** As its process said; undefined: the process ended without a word. */
      readonly guestEnd: GuestEnd | undefined;
    }
  | { readonly kind: 'pools-changed'; readonly pools: readonly string[] }
  | { readonly kind: 'audit'; readonly entry: AuditEntry }
);

/** Where functions stand after a request. */
export interface RequestOutcome {
  readonly functions: readonly ManagedFunction[];
  /** Whole sentences: what a forced move breaks, what moved along because of its IOMMU group. */
  readonly warnings: readonly string[];
}

export interface DismountRequest {
  readonly functions: readonly string[];
  /** Default: `default`. */
  readonly pool?: string;
  /** Take them even from a host that uses them. */
  readonly force?: boolean;
}

export interface AddRequest {
  readonly vm: string;
  /** One by name, or any that is free in a pool, of a class such as `0108` (NVMe: the first digits of the class code). */
  readonly function: string | { readonly pool: string; readonly class?: string };
}

export interface RemoveRequest {
  readonly vm: string;
  readonly function: string;
  /** How long the guest has; 0: it isn't asked. Default 60,000. */
  readonly deadlineMs?: number;
  /** Default: `pool`. */
  readonly to?: Destination;
}

export interface CreateVirtualFunctionsRequest {
  readonly physicalFunction: string;
  readonly count: number;
  /** By index. */
  readonly settings?: readonly VirtualFunctionSettings[];
  /** Default: `host`. They are the host's in any case. */
  readonly drivenBy?: VirtualFunctionsDriver;
}

/**
 * The plug-and-play manager. Every request resolves when it is done and rejects with HostError, whose code is stable; then
 * nothing changed, or `details` says what did. Requests are kept in the audit with their outcome.
 */
export interface Manager {
  snapshot(): ManagerSnapshot;
  /** Of the functions named, or all. Reads the host, so tens of milliseconds. */
  survey(names?: readonly string[]): Promise<readonly FunctionSurvey[]>;

  /** From the host's drivers into a pool, with all of their IOMMU groups. */
  dismount(request: DismountRequest, by: Caller): Promise<RequestOutcome>;
  /** From the pool to the host's drivers, with all of their IOMMU groups. */
  mount(request: { readonly functions: readonly string[] }, by: Caller): Promise<RequestOutcome>;
  /** Resolves when the guest has it. */
  add(request: AddRequest, by: Caller): Promise<ManagedFunction>;
  /** Resolves when it is home: in the pool, at the host, or in quarantine (which is no refusal: see the result). */
  remove(request: RemoveRequest, by: Caller): Promise<ManagedFunction>;
  /** Back to the pool after having been made sure of and reset; `force`: without the reset. */
  releaseQuarantine(
    request: { readonly function: string; readonly force?: boolean },
    by: Caller,
  ): Promise<ManagedFunction>;

  /** Resolves when its process runs. */
  createVm(request: { readonly name: string; readonly spec: VmSpec }, by: Caller): Promise<ManagedVm>;
  /** Resolves when its process has ended and its functions are home. `force`: kill it at once. */
  stopVm(request: { readonly name: string; readonly force?: boolean }, by: Caller): Promise<RequestOutcome>;
  /** What its process counts. Throws HostError `no-such-vm`, and `vm-not-answering` after two seconds. */
  vmCounters(vm: string): Promise<VmCounters>;
  /** To the guest's serial port. */
  type(request: { readonly vm: string; readonly bytes: Uint8Array }, by: Caller): Promise<void>;
  /** What the guest prints from now on. Gives what ends that. Throws HostError `no-such-vm`. */
  watchConsole(vm: string, listener: (bytes: Uint8Array) => void): () => void;
  /** What passes between guest and host from now on, as records. Gives what ends that. Throws HostError `no-such-vm`. */
  watchTrace(vm: string, listener: (chunk: TraceChunk) => void): () => void;

  /** Replaces the virtual functions of a physical one; they belong to the host until dismounted. */
  createVirtualFunctions(request: CreateVirtualFunctionsRequest, by: Caller): Promise<RequestOutcome>;
  removeVirtualFunctions(request: { readonly physicalFunction: string }, by: Caller): Promise<RequestOutcome>;

  createPool(request: { readonly name: string }, by: Caller): Promise<void>;
  removePool(request: { readonly name: string }, by: Caller): Promise<void>;

  /** Latest first; `before` is the id of an entry of an earlier page. At most 1,000 at a time. */
  audit(request?: { readonly limit?: number; readonly before?: number }): AuditPage;
  /** Calls `listener`, which must not throw, with every change from now on. Gives what ends that. */
  on(listener: (event: ManagerEvent) => void): () => void;

  /** Lets go: VMs run on, a later manager finds them. What the host is asked to do already comes to its end first. */
  close(): Promise<void>;
}
