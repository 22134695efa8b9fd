import type { GuestMemory } from './guest-memory.ts';

/** What a guest told of its own end. */
export interface CrashReport {
  /** The virtual processor that reported. */
  readonly vp: number;
  /**
   * P0…P4. Linux without a message: error, guest OS id, instruction pointer, RAX, stack pointer (Linux 6.1
   * arch/x86/hyperv/hv_init.c). With a message P3 and P4 say where it was.
   */
  readonly parameters: readonly [bigint, bigint, bigint, bigint, bigint];
  /** The end of the guest's kernel log, at most {@link MAX_CRASH_MESSAGE_BYTES} bytes of it; line feeds and tabs are the only control characters. */
  readonly message?: string;
}

export const MAX_CRASH_MESSAGE_BYTES = 4096;
/** A guest can report as often as it likes; after this many nobody listens until the next reset. */
export const MAX_CRASH_REPORTS = 8;

const CRASH_NOTIFY = 1n << 63n;
const CRASH_MESSAGE = 1n << 62n;
const PARAMETER_COUNT = 5;
const MESSAGE_GPA_PARAMETER = 3;
const MESSAGE_SIZE_PARAMETER = 4;

/** HV_X64_MSR_CRASH_P0…P4 and CRASH_CTL (TLFS "Partition Crash Enlightenment"). */
export class CrashRegisters {
  readonly #memory: GuestMemory;
  readonly #parameters: bigint[] = new Array<bigint>(PARAMETER_COUNT).fill(0n);
  #reportCount = 0;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  /** CRASH_CTL reads as what can be done, not as what was written: Linux sends its log only where bit 62 is set. */
  get control(): bigint {
    return CRASH_NOTIFY | CRASH_MESSAGE;
  }

  parameter(index: number): bigint {
    return this.#parameters[index] ?? 0n;
  }

  writeParameter(index: number, value: bigint): void {
    this.#parameters[index] = value;
  }

  /** A write to CRASH_CTL. Undefined when it is no notification, or one too many. */
  notify(vp: number, control: bigint): CrashReport | undefined {
    if ((control & CRASH_NOTIFY) === 0n || this.#reportCount >= MAX_CRASH_REPORTS) {
      return undefined;
    }
    this.#reportCount += 1;
    const [p0 = 0n, p1 = 0n, p2 = 0n, p3 = 0n, p4 = 0n] = this.#parameters;
    const message = (control & CRASH_MESSAGE) === 0n ? undefined : this.#readMessage();
    return { vp, parameters: [p0, p1, p2, p3, p4], ...(message === undefined ? {} : { message }) };
  }

  reset(): void {
    this.#parameters.fill(0n);
    this.#reportCount = 0;
  }

  #readMessage(): string | undefined {
    const gpa = this.parameter(MESSAGE_GPA_PARAMETER);
    const size = this.parameter(MESSAGE_SIZE_PARAMETER);
    if (size === 0n || gpa > BigInt(Number.MAX_SAFE_INTEGER)) {
      return undefined;
    }
    const bytes = new Uint8Array(size > BigInt(MAX_CRASH_MESSAGE_BYTES) ? MAX_CRASH_MESSAGE_BYTES : Number(size));
    if (!this.#memory.copyOut(Number(gpa), bytes)) {
      return undefined;
    }
    const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
    return end === 0 ? undefined : printable(bytes.subarray(0, end));
  }
}

/** The log of a guest ends up on somebody's terminal: nothing that steers one may survive. */
function printable(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replaceAll(/[^\P{C}\n\t]/gu, '\ufffd');
}
