import {
  capabilities,
  Configuration,
  ControllerStatus,
  maxAdminQueueEntries,
  NvmeRegister,
  nvmeVersion,
  pageBytes,
  registersEnd,
  ShutdownState,
} from './registers.ts';

/** What a write to the registers asks the controller for. */
export type RegisterEffect = 'enable' | 'disable' | 'shut-down';

/** Where the admin queues shall be. */
export interface AdminQueuePlaces {
  readonly submission: { readonly gpa: number; readonly entries: number };
  readonly completion: { readonly gpa: number; readonly entries: number };
}

const normalShutdown = 1;
const abruptShutdown = 2;

/** The registers before the doorbells. NVM Express Base Specification 1.4, 3.1. */
export class RegisterFile {
  readonly #bytes = new Uint8Array(registersEnd);
  readonly #view = new DataView(this.#bytes.buffer);

  constructor() {
    this.reset();
  }

  /** As after power-on. */
  reset(): void {
    this.#bytes.fill(0);
    this.#view.setBigUint64(NvmeRegister.capabilities, capabilities, true);
    this.#view.setUint32(NvmeRegister.version, nvmeVersion, true);
  }

  /** Any bytes of it; what goes past the end is 0. */
  read(offset: number, sizeBytes: number): bigint {
    let value = 0n;
    for (let i = sizeBytes - 1; i >= 0; i -= 1) value = (value << 8n) | BigInt(this.#bytes[offset + i] ?? 0);
    return value;
  }

  /** A whole dword; others aren't registers. */
  write(offset: number, value: number): RegisterEffect[] {
    switch (offset) {
      case NvmeRegister.configuration:
        return this.#configure(value);
      case NvmeRegister.interruptMaskSet:
        this.#mask(this.#dword(NvmeRegister.interruptMaskSet) | value);
        return [];
      case NvmeRegister.interruptMaskClear:
        this.#mask(this.#dword(NvmeRegister.interruptMaskSet) & ~value);
        return [];
      case NvmeRegister.adminQueueAttributes:
        this.#set(offset, value & 0x0fff_0fff);
        return [];
      case NvmeRegister.adminSubmissionQueue:
      case NvmeRegister.adminCompletionQueue:
        this.#set(offset, value & ~0xfff);
        return [];
      case NvmeRegister.adminSubmissionQueue + 4:
      case NvmeRegister.adminCompletionQueue + 4:
        this.#set(offset, value);
        return [];
      default:
        return [];
    }
  }

  get enabled(): boolean {
    return (this.#dword(NvmeRegister.configuration) & Configuration.enable) !== 0;
  }

  /** Whether CC is one that this controller can run with: pages of 4096 bytes, the NVM command set, round robin. */
  get configurable(): boolean {
    const configuration = this.#dword(NvmeRegister.configuration);
    const field = (shift: number, mask: number): number => (configuration >>> shift) & mask;
    return (
      field(Configuration.commandSetShift, Configuration.commandSetMask) === 0 &&
      field(Configuration.pageSizeShift, Configuration.pageSizeMask) === 0 &&
      field(Configuration.arbitrationShift, Configuration.arbitrationMask) === 0
    );
  }

  /** CC.IOSQES and CC.IOCQES: powers of two. */
  get entrySizesFit(): boolean {
    const configuration = this.#dword(NvmeRegister.configuration);
    return (
      ((configuration >>> Configuration.submissionEntryShift) & Configuration.entryMask) === 6 &&
      ((configuration >>> Configuration.completionEntryShift) & Configuration.entryMask) === 4
    );
  }

  /** Undefined: AQA, ASQ or ACQ make no sense. */
  get adminQueues(): AdminQueuePlaces | undefined {
    const attributes = this.#dword(NvmeRegister.adminQueueAttributes);
    const submission = { gpa: this.#address(NvmeRegister.adminSubmissionQueue), entries: (attributes & 0xfff) + 1 };
    const completion = { gpa: this.#address(NvmeRegister.adminCompletionQueue), entries: (attributes >>> 16) + 1 };
    const sound = [submission, completion].every(
      ({ gpa, entries }) => gpa % pageBytes === 0 && entries >= 2 && entries <= maxAdminQueueEntries,
    );
    return sound ? { submission, completion } : undefined;
  }

  get ready(): boolean {
    return ((this.#bytes[NvmeRegister.status] ?? 0) & ControllerStatus.ready) !== 0;
  }

  set ready(ready: boolean) {
    const status = this.#dword(NvmeRegister.status);
    this.#set(NvmeRegister.status, ready ? status | ControllerStatus.ready : status & ~ControllerStatus.ready);
  }

  /** The controller can't go on until it is reset. */
  setFatal(): void {
    this.#set(NvmeRegister.status, this.#dword(NvmeRegister.status) | ControllerStatus.fatal);
  }

  get fatal(): boolean {
    return ((this.#bytes[NvmeRegister.status] ?? 0) & ControllerStatus.fatal) !== 0;
  }

  setShutdown(state: (typeof ShutdownState)[keyof typeof ShutdownState]): void {
    const others =
      this.#dword(NvmeRegister.status) & ~(ControllerStatus.shutdownMask << ControllerStatus.shutdownShift);
    this.#set(NvmeRegister.status, others | (state << ControllerStatus.shutdownShift));
  }

  /** CC.EN has become 0: all but what tells where the admin queues are is as after power-on (7.3.2). */
  clearStatus(): void {
    this.#set(NvmeRegister.status, 0);
    this.#mask(0);
  }

  #configure(value: number): RegisterEffect[] {
    const before = this.#dword(NvmeRegister.configuration);
    this.#set(NvmeRegister.configuration, value & Configuration.writable);
    const effects: RegisterEffect[] = [];
    const toggled = (before ^ value) & Configuration.enable;
    if (toggled !== 0) effects.push(this.enabled ? 'enable' : 'disable');
    const notification = (bits: number): number => (bits >>> Configuration.shutdownShift) & Configuration.shutdownMask;
    const asked = notification(value);
    if (asked !== notification(before) && (asked === normalShutdown || asked === abruptShutdown)) {
      effects.push('shut-down');
    }
    return effects;
  }

  /** Both registers read the mask; with MSI-X, which has masks of its own, it does nothing. */
  #mask(bits: number): void {
    this.#set(NvmeRegister.interruptMaskSet, bits);
    this.#set(NvmeRegister.interruptMaskClear, bits);
  }

  #address(offset: number): number {
    return this.#dword(offset + 4) * 2 ** 32 + this.#dword(offset);
  }

  #dword(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  #set(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }
}
