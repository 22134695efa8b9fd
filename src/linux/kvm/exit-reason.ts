/** Why KVM_RUN came back. Linux include/uapi/linux/kvm.h, KVM_EXIT_*. */
export const ExitReason = {
  unknown: 0,
  exception: 1,
  io: 2,
  debug: 4,
  halt: 5,
  mmio: 6,
  irqWindowOpen: 7,
  /** The guest has triple-faulted. */
  shutdown: 8,
  failEntry: 9,
  /** A signal, or immediate_exit; KVM_RUN gave EINTR. */
  interrupted: 10,
  internalError: 17,
  systemEvent: 24,
  readMsr: 29,
  writeMsr: 30,
} as const;
export type ExitReason = (typeof ExitReason)[keyof typeof ExitReason];

const names = new Map<number, string>(Object.entries(ExitReason).map(([name, value]) => [value, name]));

/** For messages: `mmio`, `exit reason 26`. */
export function exitReasonName(reason: number): string {
  return names.get(reason) ?? `exit reason ${reason}`;
}

/** Why an MSR access left for user space: bits of {@link Capability.userSpaceMsr}'s args[0] and of an exit. */
export const MsrExitReason = { invalid: 1, unknown: 2, filter: 4 } as const;

/** What struct kvm_run's synced registers hold: bits of kvm_valid_regs and kvm_dirty_regs. */
export const SyncRegs = { regs: 1, sregs: 2, events: 4 } as const;
