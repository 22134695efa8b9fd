import type { Doorbell, DoorbellHandle } from './doorbell.ts';
import { DeviceLoop, type DeviceLoopOptions } from './device-loop.ts';
import { VcpuThread, type VcpuThreadOptions } from './vcpu-thread.ts';

export interface StartOptions {
  readonly vcpus: readonly VcpuThreadOptions['vcpu'][];
  readonly vmFd: number;
  readonly doorbell: Doorbell;
  readonly handle: DoorbellHandle;
  readonly uart: SharedArrayBuffer;
  readonly rtc: SharedArrayBuffer;
  readonly exits: Pick<DeviceLoopOptions, 'serve' | 'serial' | 'ended'>;
  /**
   * Called when all threads have loaded what they need; none is let into the guest before it has resolved. If it rejects, so does the
   * loop, and the threads wait for their end.
   */
  readonly beforeGuest?: (() => Promise<void>) | undefined;
  /** As {@link VcpuThreadOptions.program}. */
  readonly program?: URL;
  /** What the threads use: moved into the result; when this throws, let go of once the threads that had started have ended. */
  readonly held: DisposableStack;
}

export interface RunningThreads {
  readonly threads: readonly VcpuThread[];
  readonly loop: DeviceLoop;
  /** Resolves when the threads were let into the guest; never, if that didn't come to pass. */
  readonly entered: Promise<void>;
  /** To be disposed of when all threads have ended. */
  readonly held: DisposableStack;
}

/** Starts the vCPUs' threads and the loop that serves them. */
export function startThreads(options: StartOptions): RunningThreads {
  const { vcpus, vmFd, doorbell, handle, uart, rtc, exits, beforeGuest, program } = options;
  const held = options.held.move();
  const threads: VcpuThread[] = [];
  try {
    for (const vcpu of vcpus) {
      const waitsForEntry = beforeGuest !== undefined;
      threads.push(
        new VcpuThread({
          vcpu,
          vmFd,
          doorbell: handle,
          uart,
          rtc,
          waitsForEntry,
          ...(program === undefined ? {} : { program }),
        }),
      );
    }
    const entry = Promise.withResolvers<void>();
    const enter = (): void => {
      for (const thread of threads) thread.enter();
      entry.resolve();
    };
    const loop: DeviceLoop = new DeviceLoop({
      doorbell,
      mailboxes: threads.map((thread) => thread.mailbox),
      ...exits,
      loaded: () => void beforeGuest?.().then(enter, (error: unknown) => loop.fail(error)),
    });
    if (beforeGuest === undefined) entry.resolve();
    return { threads, loop, entered: entry.promise, held };
  } catch (error) {
    void Promise.all(threads.map((thread) => thread.stop())).finally(() => held.dispose());
    throw error;
  }
}
