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
  /** What the threads use: moved into the result; when this throws, let go of once the threads that had started have ended. */
  readonly held: DisposableStack;
}

export interface RunningThreads {
  readonly threads: readonly VcpuThread[];
  readonly loop: DeviceLoop;
  /** To be disposed of when all threads have ended. */
  readonly held: DisposableStack;
}

/** Starts the vCPUs' threads and the loop that serves them. */
export function startThreads(options: StartOptions): RunningThreads {
  const { vcpus, vmFd, doorbell, handle, uart, rtc, exits } = options;
  const held = options.held.move();
  const threads: VcpuThread[] = [];
  try {
    for (const vcpu of vcpus) {
      threads.push(new VcpuThread({ vcpu, vmFd, doorbell: handle, uart, rtc }));
    }
    const loop = new DeviceLoop({ doorbell, mailboxes: threads.map((thread) => thread.mailbox), ...exits });
    return { threads, loop, held };
  } catch (error) {
    void Promise.all(threads.map((thread) => thread.stop())).finally(() => held.dispose());
    throw error;
  }
}
