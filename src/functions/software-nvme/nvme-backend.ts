import { EventFd } from '../../linux/index.ts';
import type { BackendBar, BackendEvents, FunctionBackend, InterruptKind } from '../function-backend.ts';
import type { BarDoorbell, DmaRegion } from '../function.ts';
import { softwareNvmeConfig, softwareNvmeIds } from './config-space.ts';
import { NvmeController } from './controller.ts';
import { FaultPlan } from './faults.ts';
import { DmaMemory } from './guest-memory.ts';
import type { Namespace } from './namespace.ts';
import { type ControllerRole, soleController } from './role.ts';
import { barBytes, doorbellBytes, doorbellsOffset } from './registers.ts';
import type { SriovCapability } from './sriov-capability.ts';

export interface SoftwareNvmeOptions {
  /** For messages. */
  readonly name: string;
  readonly serialNumber: string;
  /** The subsystem's name, `nqn.…`. */
  readonly qualifiedName: string;
  /** Namespace 1, 2, …; whoever made their storages closes them, after this function. */
  readonly namespaces: readonly Namespace[];
  /** I/O queues of each kind, at the most; as many vectors and one for the admin queue. */
  readonly queuePairs: number;
  /** Where there are several in one subsystem. */
  readonly role?: ControllerRole;
  /** Of the physical function that virtual ones belong to. */
  readonly sriov?: SriovCapability;
  /** Interrupts, where that is not one a queue pair and one more. */
  readonly vectors?: number;
}

const barIndex = 0;
const modelNumber = 'dda software NVMe';
const firmwareRevision = '1';

/** A controller of software, as a kind of function: what happens at the edge of {@link NvmeController}. */
export class NvmeBackend implements FunctionBackend {
  readonly name: string;
  readonly numaNode = undefined;
  readonly bars: readonly BackendBar[] = [
    { index: barIndex, kind: 'memory64', prefetchable: false, sizeBytes: barBytes, mappings: [] },
  ];
  readonly faults = new FaultPlan();
  readonly #config: Uint8Array;
  readonly #controller: NvmeController;
  /** By vector. */
  readonly #connected: (EventFd | undefined)[] = [];
  /** Interrupts that nobody was connected to hear. */
  readonly #unheard = new Set<number>();
  /** By queue. */
  readonly #doorbells = new Map<number, EventFd>();
  readonly #sriov: SriovCapability | undefined;
  #events: BackendEvents | undefined;
  #closed = false;

  constructor(options: SoftwareNvmeOptions) {
    this.name = options.name;
    const { role = soleController, sriov } = options;
    const vectors = options.vectors ?? options.queuePairs + 1;
    this.#sriov = sriov;
    this.#config = softwareNvmeConfig({ vectors, isVirtual: role.isVirtual, sriov: sriov?.bytes });
    const { serialNumber, qualifiedName, namespaces, queuePairs } = options;
    this.#controller = new NvmeController({
      identity: { vendorId: softwareNvmeIds.vendorId, serialNumber, modelNumber, firmwareRevision, qualifiedName },
      namespaces,
      queuePairs,
      vectors,
      role,
      faults: this.faults,
      port: {
        interrupt: (vector) => this.#interrupt(vector),
        defer: (work) => void setImmediate(work),
        nowMs: () => performance.now(),
        after: (ms, work) => {
          const timer = setTimeout(work, ms);
          return () => clearTimeout(timer);
        },
        shadowedQueuesChanged: (queueIds) => this.#listenFor(queueIds),
      },
    });
  }

  captureConfig(): Uint8Array {
    return this.#config;
  }

  reset(): void {
    this.#controller.reset();
    this.#sriov?.reset();
    this.disableVectors();
  }

  /** Of a secondary controller: whether its primary lets it work. */
  setOnline(online: boolean): void {
    this.#controller.setOnline(online);
  }

  listen(events: BackendEvents | undefined): void {
    this.#events = events;
  }

  setBusMaster(enabled: boolean): void {
    this.#controller.setBusMaster(enabled);
  }

  /** There is no power to save: nothing reaches its registers in D3, and its driver has stopped it. */
  setPowerState(): void {}

  /** There is no link whose requests these bits would shape. */
  setDeviceControl(): void {}

  readRegister(_barIndex: number, offset: number, sizeBytes: number): bigint {
    return this.#controller.read(offset, sizeBytes);
  }

  writeRegister(_barIndex: number, offset: number, sizeBytes: number, value: bigint): void {
    this.#controller.write(offset, sizeBytes, value);
  }

  doorbells(): readonly BarDoorbell[] {
    return [...this.#doorbells].map(([queueId, { fd }]) => ({
      offsetBytes: doorbellsOffset + 2 * queueId * doorbellBytes,
      sizeBytes: doorbellBytes,
      eventFd: fd,
    }));
  }

  reservedBesideMsix(): boolean {
    return true;
  }

  enableMsix(): void {
    this.#unheard.clear();
  }

  connectVector(_kind: InterruptKind, vector: number, eventFd: number | undefined): void {
    if (eventFd === undefined) {
      this.#connected[vector] = undefined;
      return;
    }
    // The borrower's own, which it closes.
    const connected = EventFd.fromFd(eventFd);
    this.#connected[vector] = connected;
    if (this.#unheard.delete(vector)) connected.signal();
  }

  disableVectors(): void {
    this.#connected.length = 0;
    this.#unheard.clear();
  }

  mapMemory(regions: readonly DmaRegion[]): void {
    this.#controller.connectMemory(new DmaMemory(regions));
  }

  unmapMemory(): void {
    this.#controller.connectMemory(undefined);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.reset();
    this.#controller.connectMemory(undefined);
  }

  #interrupt(vector: number): void {
    const connected = this.#connected[vector];
    if (connected === undefined) this.#unheard.add(vector);
    else connected.signal();
  }

  /** An eventfd for each queue whose doorbell need not be looked at. */
  #listenFor(queueIds: readonly number[]): void {
    const gone = [...this.#doorbells].filter(([queueId]) => !queueIds.includes(queueId));
    const news = queueIds.filter((queueId) => !this.#doorbells.has(queueId));
    if (gone.length === 0 && news.length === 0) return;
    for (const [queueId] of gone) this.#doorbells.delete(queueId);
    for (const queueId of news) {
      const event = EventFd.create();
      event.onSignal(() => this.#controller.ring(queueId)).keepAlive(false);
      this.#doorbells.set(queueId, event);
    }
    // Those that the borrower had connected are closed when it knows.
    this.#events?.doorbellsChanged(barIndex);
    for (const [, event] of gone) event.close();
  }
}
