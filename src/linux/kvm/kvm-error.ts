/** Why KVM can't be used here. */
export type KvmErrorCode =
  /** There is no /dev/kvm. */
  | 'kvm-missing'
  /** /dev/kvm may not be opened by this user. */
  | 'kvm-no-permission'
  /** /dev/kvm speaks another version of the interface. */
  | 'kvm-wrong-version'
  /** /dev/kvm opens, but this machine's processor has no virtualization to offer. */
  | 'kvm-no-virtualization'
  /** A register or CPUID leaf was refused. */
  | 'kvm-msr-refused';

/** KVM can't do what was asked; the message says what stands in the way and what to do. */
export class KvmError extends Error {
  override readonly name = 'KvmError';
  readonly code: KvmErrorCode;

  constructor(code: KvmErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
