/** Process exit codes, the same for every command. */
export const ExitCode = {
  done: 0,
  /** Something nobody planned for; a bug. */
  unexpected: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** What was named isn't there. */
  notFound: 3,
  /** The host, another function or a process needs it now. */
  inUse: 4,
  /** This host or this function can't do it at all as it stands. */
  impossible: 5,
  /** The kernel refused or didn't finish an act; what was changed was changed back, or the message says what wasn't. */
  failed: 6,
  /** The caller has not the rights. */
  notAllowed: 7,
  /** The guest crashed, or KVM could not run it on. */
  guestCrashed: 8,
  /** What the guest was to run ended with another exit code than 0. */
  guestScriptFailed: 9,
  /** Ctrl-C or a termination signal; everything borrowed was given back. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

interface ErrorKind {
  readonly exitCode: ExitCode;
  /** When it comes, in one sentence: the table in docs/errors.md says the same. */
  readonly when: string;
}

/** Every refusal of this part, by its stable code. docs/errors.md lists them; a test holds the two together. */
export const hostErrorKinds = {
  'no-such-function': { exitCode: ExitCode.notFound, when: 'No PCI function has that address.' },
  'not-an-endpoint': { exitCode: ExitCode.impossible, when: 'The function is a bridge or part of the machine itself.' },
  'no-iommu-group': {
    exitCode: ExitCode.impossible,
    when: 'The function is in no IOMMU group, so nothing would confine its DMA.',
  },
  'reserved-memory': {
    exitCode: ExitCode.impossible,
    when: "Firmware goes on reaching memory through the function's IOMMU group.",
  },
  'group-not-viable': {
    exitCode: ExitCode.inUse,
    when: 'Other functions of the same IOMMU group still belong to host drivers.',
  },
  'function-in-use': { exitCode: ExitCode.inUse, when: 'The host is using the function right now.' },
  'function-held': { exitCode: ExitCode.inUse, when: 'A process holds the function open through VFIO.' },
  'virtual-functions-lent': {
    exitCode: ExitCode.inUse,
    when: 'Virtual functions of this physical function are dismounted or lent, and would vanish.',
  },
  'not-a-physical-function': {
    exitCode: ExitCode.impossible,
    when: 'The function has no SR-IOV, so it has no virtual functions.',
  },
  'physical-function-away': {
    exitCode: ExitCode.inUse,
    when: 'The physical function is not with a host driver, which its virtual functions need.',
  },
  'too-many-virtual-functions': {
    exitCode: ExitCode.impossible,
    when: 'The physical function does not have that many virtual functions.',
  },
  'virtual-functions-exist': {
    exitCode: ExitCode.inUse,
    when: 'The physical function has virtual functions already; their number can only go through none.',
  },
  'virtual-function-settings': {
    exitCode: ExitCode.usage,
    when: 'A setting of a virtual function is malformed, or not one that its device has.',
  },
  'virtual-function-resources': {
    exitCode: ExitCode.impossible,
    when: 'The NVMe controller does not have the queues or interrupts that the virtual functions would get.',
  },
  'sriov-refused': {
    exitCode: ExitCode.failed,
    when: 'The kernel or the device refused to create, set up or remove virtual functions.',
  },
  'operation-in-progress': {
    exitCode: ExitCode.inUse,
    when: 'Another dda command is moving a function of the same group.',
  },
  'operation-stuck': {
    exitCode: ExitCode.inUse,
    when: 'An earlier act on the function is still blocked in the kernel.',
  },
  'vfio-missing': {
    exitCode: ExitCode.impossible,
    when: 'The kernel has no vfio-pci driver, and the module could not be loaded.',
  },
  'driver-change-failed': { exitCode: ExitCode.failed, when: 'The kernel refused to release or to bind the function.' },
  'driver-change-stuck': {
    exitCode: ExitCode.failed,
    when: 'The kernel did not finish releasing or binding the function in time; the function is marked.',
  },
  'undo-failed': {
    exitCode: ExitCode.failed,
    when: 'An act failed, and so did taking an earlier one back; the message says where the function stands.',
  },
  'not-permitted': { exitCode: ExitCode.notAllowed, when: 'Moving functions between drivers takes root.' },
  'record-unusable': {
    exitCode: ExitCode.failed,
    when: 'The record of what was dismounted can not be read or written.',
  },
  'vm-name-malformed': { exitCode: ExitCode.usage, when: "The name can't be a VM's name." },
  'vm-name-taken': { exitCode: ExitCode.inUse, when: 'A VM of that name runs already.' },
  'vm-name-needed': { exitCode: ExitCode.usage, when: 'Several VMs run, and none was named.' },
  'no-such-vm': { exitCode: ExitCode.notFound, when: 'No VM of that name runs, or none at all.' },
  'vm-not-ready': { exitCode: ExitCode.inUse, when: 'The VM is only just starting, or about to end.' },
  'vm-not-answering': {
    exitCode: ExitCode.failed,
    when: "The VM's process did not answer, or its answer makes no sense.",
  },
  'vm-gone': { exitCode: ExitCode.failed, when: 'The VM ended before it had answered.' },
  'vm-request-refused': {
    exitCode: ExitCode.failed,
    when: 'A control request that the VM does not understand, or one too many at once.',
  },
  'vm-process-unreadable': {
    exitCode: ExitCode.notAllowed,
    when: "The VM process's user may not read the program that it is to run.",
  },
  'vm-process-failed': {
    exitCode: ExitCode.failed,
    when: 'The VM process ended, or said nothing, before its guest was started.',
  },
  'vm-refused': { exitCode: ExitCode.failed, when: 'The kernel refused to create the VM.' },
  'lend-refused': { exitCode: ExitCode.failed, when: 'The kernel refused to lend the function.' },
  'already-lent': { exitCode: ExitCode.inUse, when: 'The VM has that function already.' },
  'not-lent': { exitCode: ExitCode.notFound, when: 'The VM does not have that function.' },
  'options-conflict': { exitCode: ExitCode.usage, when: 'Options that contradict each other.' },
  'guest-kernel-missing': { exitCode: ExitCode.notFound, when: "The host's own kernel can't serve as the guest's." },
  'guest-modules-missing': { exitCode: ExitCode.notFound, when: 'The modules of the kernel were not found.' },
  'file-unreadable': { exitCode: ExitCode.notFound, when: 'A file for the guest is not there or may not be read.' },
  'disk-malformed': {
    exitCode: ExitCode.impossible,
    when: "What a guest's disk should be is no file, is empty, or does not end with a block.",
  },
  'disk-in-use': { exitCode: ExitCode.inUse, when: 'A VM has the file as a disk already.' },
  'capture-unreadable': { exitCode: ExitCode.notFound, when: 'A capture is not there or may not be read.' },
  'capture-malformed': { exitCode: ExitCode.impossible, when: 'What should be a capture is none, or is broken.' },
  'capture-too-large': { exitCode: ExitCode.impossible, when: 'A capture is larger than any machine needs.' },
  'capture-newer': { exitCode: ExitCode.impossible, when: 'A capture was written by a newer dda.' },
  'capture-not-written': { exitCode: ExitCode.failed, when: 'The capture could not be written.' },
  'trace-not-written': { exitCode: ExitCode.failed, when: 'The file for a trace could not be written.' },
  'memory-exceeds-host': { exitCode: ExitCode.impossible, when: 'The guest would have more memory than the host.' },
  'guest-panicked': { exitCode: ExitCode.guestCrashed, when: "The guest's kernel panicked, and said so." },
  'guest-triple-fault': { exitCode: ExitCode.guestCrashed, when: 'The guest stopped with a triple fault.' },
  'guest-stuck': { exitCode: ExitCode.guestCrashed, when: 'KVM could not run the guest on.' },
  'guest-script-failed': {
    exitCode: ExitCode.guestScriptFailed,
    when: 'What `--run` named ended with another exit code than 0.',
  },
  'journal-unusable': { exitCode: ExitCode.failed, when: "The manager's journal can not be read or written." },
  'manager-running': { exitCode: ExitCode.inUse, when: 'Another manager has the journal open.' },
  'manager-closing': { exitCode: ExitCode.inUse, when: 'The manager is about to end.' },
  'function-absent': {
    exitCode: ExitCode.notFound,
    when: 'The function is unplugged; only its place in the pool is kept.',
  },
  'function-with-vm': { exitCode: ExitCode.inUse, when: 'A VM has the function, or another of its IOMMU group.' },
  'function-quarantined': { exitCode: ExitCode.inUse, when: 'The function is in quarantine.' },
  'not-quarantined': { exitCode: ExitCode.notFound, when: 'The function is not in quarantine.' },
  'not-dismounted': { exitCode: ExitCode.inUse, when: 'The function belongs to the host, not to the pool.' },
  'group-with-other-vm': { exitCode: ExitCode.inUse, when: 'A function of the same IOMMU group is with another VM.' },
  'group-quarantined': { exitCode: ExitCode.inUse, when: 'A function of the same IOMMU group is in quarantine.' },
  'not-physical-function': { exitCode: ExitCode.impossible, when: 'The function can not have virtual functions.' },
  'nothing-free': { exitCode: ExitCode.notFound, when: 'No function of that pool and class is free.' },
  'no-such-pool': { exitCode: ExitCode.notFound, when: 'There is no pool of that name.' },
  'pool-name-malformed': { exitCode: ExitCode.usage, when: "The name can't be a pool's name." },
  'pool-name-taken': { exitCode: ExitCode.inUse, when: 'A pool of that name exists already.' },
  'pool-not-empty': { exitCode: ExitCode.inUse, when: 'Functions belong to the pool.' },
  'deadline-malformed': {
    exitCode: ExitCode.usage,
    when: 'The deadline is no number of milliseconds from 0 to a day.',
  },
  'functions-left': {
    exitCode: ExitCode.failed,
    when: 'A private daemon ended, and could not give everything that it had taken back to the host.',
  },
  interrupted: {
    exitCode: ExitCode.interrupted,
    when: 'A signal ended the command; what it had changed was changed back.',
  },
} as const satisfies Record<string, ErrorKind>;
export type HostErrorCode = keyof typeof hostErrorKinds;

export interface HostErrorParts {
  /** What was asked, as it continues "Can't …": `dismount 0000:01:00.0`. */
  readonly asked: string;
  /** What stood in the way: a whole sentence. */
  readonly obstacle: string;
  /** What to do now: a whole sentence. */
  readonly remedy: string;
  /** The same facts for programs; plain JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A refusal for people: `message` is one line with what was asked, what stood in the way and what to do now. */
export class HostError extends Error {
  readonly code: HostErrorCode;
  readonly asked: string;
  readonly obstacle: string;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: HostErrorCode, parts: HostErrorParts, options?: ErrorOptions) {
    super(`Can't ${parts.asked}: ${parts.obstacle} ${parts.remedy}`, options);
    this.name = 'HostError';
    this.code = code;
    this.asked = parts.asked;
    this.obstacle = parts.obstacle;
    this.remedy = parts.remedy;
    this.details = parts.details ?? {};
  }

  get exitCode(): ExitCode {
    return hostErrorKinds[this.code].exitCode;
  }
}
