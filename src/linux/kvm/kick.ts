import { interruptOnly, realTimeSignal, signalThread } from '../libc/threads.ts';
import type { KvmRunPage } from './run-page.ts';

/** Away from SIGRTMIN itself, which debuggers and profilers like to take. */
const kickRealTimeSignal = 7;

let installed: number | undefined;

/**
 * The signal that gets a thread out of a blocking system call and does nothing else. Installed for the whole process, all
 * its threads, by the first call. Not inherited by a program that this process starts.
 */
export function kickSignal(): number {
  if (installed === undefined) {
    const signal = realTimeSignal(kickRealTimeSignal);
    interruptOnly(signal);
    installed = signal;
  }
  return installed;
}

/**
 * Interrupts a blocking system call of thread `tid` (from {@link threadId}, called on it) of this process. False: that
 * thread has ended. A thread that is just about to block is missed: the caller needs a flag that the thread looks at
 * before, as {@link VcpuKicker} has.
 */
export function kickThread(tid: number): boolean {
  return signalThread(process.pid, tid, kickSignal());
}

/**
 * Gets a vCPU out of the guest from any thread. The request in the run page makes the next entry fail, the signal ends
 * one that has begun: each alone loses kicks, both together none.
 */
export class VcpuKicker {
  readonly #page: KvmRunPage;
  readonly #tid: number;

  constructor(page: KvmRunPage, tid: number) {
    this.#page = page;
    this.#tid = tid;
    kickSignal();
  }

  /**
   * The vCPU's {@link runVcpu} gives {@link runInterrupted} now, or at once when next called. False: its thread has ended.
   */
  kick(): boolean {
    this.#page.requestExit();
    return kickThread(this.#tid);
  }
}
