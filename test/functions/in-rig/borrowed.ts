import type { FunctionBorrower, MsiMessage } from '../../../src/functions/index.ts';
import { PhysicalFunction, hostNumaNode } from '../../../src/functions/index.ts';
import { EventFd, openVfioDevice, SharedMemory } from '../../../src/linux/index.ts';
import type { VfioDevice } from '../../../src/linux/index.ts';
import { GuestNvme, guestNvmeMemoryBytes } from './guest-nvme.ts';

export const memoryGpa = 0x10_0000;

/** A physical function lent to a guest that exists only as this object's calls. */
export class Borrowed implements FunctionBorrower, Disposable {
  readonly device: VfioDevice;
  readonly fn: PhysicalFunction;
  readonly memory = SharedMemory.create('guest', guestNvmeMemoryBytes);
  readonly nvme: GuestNvme;
  /** What the function told, in order. */
  readonly told: string[] = [];
  readonly eventFds = new Map<number, EventFd>();
  /** Called at each report of {@link releaseRequested}. */
  onReleaseRequested: () => void = () => undefined;

  constructor(bdf: string) {
    this.device = openVfioDevice({ bdf, backend: 'auto' });
    this.fn = new PhysicalFunction(this.device, hostNumaNode(bdf));
    this.nvme = new GuestNvme(this.fn, this.memory, memoryGpa);
  }

  attach(): void {
    this.fn.attach(this);
    const { sizeBytes, address: hostAddress, buffer } = this.memory;
    this.fn.attachMemory([{ gpa: memoryGpa, sizeBytes, hostAddress, bytes: new Uint8Array(buffer, 0, sizeBytes) }]);
  }

  doorbellsChanged(): void {
    // A function of this machine hears its doorbells itself.
  }

  imageAccessChanged(): void {
    // Every read and write of the table is made through the function here.
  }

  barMoved(barIndex: number, gpa: number | undefined): void {
    this.told.push(`bar ${barIndex} ${gpa === undefined ? 'off' : `0x${gpa.toString(16)}`}`);
  }

  messageChanged(vector: number, message: MsiMessage | undefined): void {
    this.told.push(`vector ${vector} ${message === undefined ? 'off' : `0x${message.data.toString(16)}`}`);
    if (message === undefined || this.eventFds.has(vector)) return;
    const eventFd = EventFd.create();
    this.eventFds.set(vector, eventFd);
    this.fn.connectVector(vector, eventFd.fd);
  }

  releaseRequested(): void {
    this.told.push('release requested');
    this.onReleaseRequested();
  }

  failed(reason: string): void {
    this.told.push(`failed: ${reason}`);
  }

  /** What was told since the last call. */
  news(): string[] {
    return this.told.splice(0);
  }

  /** Interrupts of `vector` since the last call. */
  interrupts(vector: number): number {
    return Number(this.eventFds.get(vector)?.drain() ?? 0n);
  }

  [Symbol.dispose](): void {
    this.fn.close();
    for (const eventFd of this.eventFds.values()) eventFd.close();
    this.device.domain.close();
    this.memory.close();
  }
}
