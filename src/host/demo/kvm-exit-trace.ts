import { mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where tracefs is mounted (Linux Documentation/trace/ftrace.rst). */
const TRACEFS = '/sys/kernel/tracing';
const EVENT = 'events/kvm/kvm_userspace_exit';

/**
 * KVM's own count of the exits to user space of a process, from its tracepoint `kvm_userspace_exit`, in an instance
 * of the trace buffer that is gone after {@link close}.
 */
export class KvmExitTrace {
  readonly #instance: string;

  private constructor(instance: string) {
    this.#instance = instance;
  }

  /** Undefined where this host has no tracefs, or doesn't let this user write to it. */
  static start(processId: number): KvmExitTrace | undefined {
    const instance = join(TRACEFS, 'instances', `dda-demo-${process.pid}`);
    try {
      mkdirSync(instance);
    } catch {
      // The reason makes no difference: this count is a second witness, and who calls says that there is none.
      return undefined;
    }
    const trace = new KvmExitTrace(instance);
    try {
      const threads = readdirSync(`/proc/${processId}/task`).join(' ');
      trace.#write('set_event_pid', threads);
      // As process.hrtime() counts.
      trace.#write('trace_clock', 'mono');
      trace.#write(`${EVENT}/enable`, '1');
      return trace;
    } catch (error) {
      trace.close();
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Exits between two moments (CLOCK_MONOTONIC, ns). Undefined: the buffer was too small to hold them all. */
  countBetween(fromNs: bigint, toNs: bigint): number | undefined {
    return countTracedExits(readFileSync(join(this.#instance, 'trace'), 'utf8'), fromNs, toNs);
  }

  close(): void {
    rmdirSync(this.#instance);
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.#instance, file), text);
  }
}

/** Of the text of a `trace` file; its times are seconds with six decimals. */
export function countTracedExits(trace: string, fromNs: bigint, toNs: bigint): number | undefined {
  const [, kept, written] = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)/m.exec(trace) ?? [];
  if (kept === undefined || kept !== written) return undefined;
  let count = 0;
  for (const [, seconds = '', micros = ''] of trace.matchAll(/ (\d+)\.(\d{6}): kvm_userspace_exit: /g)) {
    const atNs = (BigInt(seconds) * 1_000_000n + BigInt(micros)) * 1000n;
    if (atNs >= fromNs && atNs <= toNs) count += 1;
  }
  return count;
}
