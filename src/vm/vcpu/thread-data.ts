import type { DoorbellHandle } from './doorbell.ts';

/** What a vCPU's thread is started with. It opens nothing by itself: descriptors and shared memory are all handed in. */
export interface VcpuThreadData {
  readonly index: number;
  readonly vcpuFd: number;
  readonly vmFd: number;
  readonly runPage: SharedArrayBuffer;
  readonly mailbox: SharedArrayBuffer;
  readonly doorbell: DoorbellHandle;
  readonly uart: SharedArrayBuffer;
  readonly rtc: SharedArrayBuffer;
  /** It waits for its entry when it has loaded everything. */
  readonly waitsForEntry: boolean;
}
