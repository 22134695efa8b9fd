import { DemoError, type Disk } from '../../src/host/index.ts';
import { EventFd } from '../../src/linux/index.ts';
import { LendingBench } from '../../src/vm/testing/index.ts';
import {
  DriverFailure,
  type DmaBuffer,
  type GuestPlatform,
  GuestThreads,
  type MmioRequest,
  type NvmeController,
  NvmeDriver,
  type RetargetCall,
  type Steps,
  type VectorTarget,
} from '../../src/vpci/index.ts';
import { GuestHardware } from '../../src/vpci/testing/index.ts';
import { createFrontEnd, type FrontEnd, type FrontEndKind } from './front-end.ts';

const MIB = 2 ** 20;
const VCPUS = 2;
/** RAM that buffers for DMA come from. */
const DMA = { start: 2 * MIB, end: 32 * MIB } as const;
/** For whatever the guest or the host has to do next. */
const DEADLINE_MS = 20_000;

type Assignment = ReturnType<LendingBench['lend']>;

/** A thread of the guest's; `outcome` is undefined while it runs. */
export interface GuestThread<T> {
  readonly outcome: { readonly value: T } | DriverFailure | undefined;
}

/**
 * A guest without a processor: a front end and an NVMe driver on dda's own VMBus server, vPCI provider and assignments. What KVM
 * would do, an access to the guest's address space, an interrupt, is done here by looking up what KVM was told.
 */
export class ModelGuest implements GuestPlatform {
  readonly threads = new GuestThreads();
  readonly kind: FrontEndKind;
  /** Interrupts that a processor took, and those that none was there for. */
  readonly interrupts = { taken: 0, lost: 0 };
  /** What its kernel logged. */
  readonly logged: string[] = [];
  readonly #bench = new LendingBench();
  readonly #hardware = new GuestHardware({ memory: this.#bench.services.ram, dma: DMA, vpCount: VCPUS });
  readonly #driver = new NvmeDriver(VCPUS);
  #frontEnd: { readonly relid: number; readonly end: FrontEnd } | undefined;
  #assignment: Assignment | undefined;
  #nextSerial = 1;

  constructor(kind: FrontEndKind) {
    this.kind = kind;
    this.#bench.vmbus.guest.releasesRescinded = false;
  }

  /** The guest's VMBus driver starts. Returns the version that was agreed on. */
  connect(): number {
    this.#bench.connect();
    return this.#bench.vmbus.guest.version ?? 0;
  }

  /** The host offers the disk, and the guest's drivers take it. Returns the vPCI version. */
  async add(disk: Disk): Promise<number> {
    const { vmbus, assignments, pages } = this.#bench;
    const { instanceId } = (this.#assignment = assignments.lend(
      disk.createFunction(disk.name, VCPUS, pages.allocate),
      this.#nextSerial++,
    ));
    vmbus.settle();
    const [relid] = [...vmbus.guest.offers.keys()].slice(-1);
    if (relid === undefined) throw this.#problem('was offered nothing');
    const end = createFrontEnd(this.kind, {
      platform: this,
      instanceId,
      drivers: [this.#driver],
      open: () => vmbus.guest.open(relid),
      onReleased: () => {
        this.#frontEnd = undefined;
        vmbus.guest.release(relid);
      },
    });
    this.#frontEnd = { relid, end };
    end.start();
    await this.until('drive the disk', () => end.driven > 0);
    return end.version ?? 0;
  }

  /** The disk as its driver has it. */
  get controller(): NvmeController {
    const [controller] = this.#driver.controllers;
    if (controller === undefined) throw this.#problem('has no disk');
    return controller;
  }

  /** A thread of the guest's, to its end. What its driver gives up is the guest's problem. */
  async run<T>(what: string, steps: Steps<T>): Promise<T> {
    const thread = this.spawn(what, steps);
    await this.until(what, () => thread.outcome !== undefined);
    if (thread.outcome instanceof DriverFailure) throw this.#problem(`could not ${what}: ${thread.outcome.message}`);
    return (thread.outcome as { readonly value: T }).value;
  }

  /** A thread of the guest's that goes on by itself. */
  spawn<T>(what: string, steps: Steps<T>): GuestThread<T> {
    const thread: { outcome: GuestThread<T>['outcome'] } = { outcome: undefined };
    this.threads.spawn(
      what,
      (function* () {
        try {
          thread.outcome = { value: yield* steps };
        } catch (error) {
          if (!(error instanceof DriverFailure)) throw error;
          thread.outcome = error;
        }
      })(),
    );
    return thread;
  }

  /** The host asks for the disk. How the guest answered. */
  async eject(): Promise<string> {
    const assignment = this.#assigned();
    let outcome: string | undefined;
    const ending = this.#bench.assignments.eject(assignment, DEADLINE_MS).then((how) => {
      outcome = how;
    });
    await this.until('answer the eject', () => outcome !== undefined);
    await ending;
    await this.#released();
    return outcome ?? '';
  }

  /** The host takes the disk without asking. */
  async rescind(): Promise<void> {
    this.#bench.assignments.rescind(this.#assigned());
    await this.#released();
  }

  /** Lets host and guest work, the guest's clock going as this machine's, until something is so. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    const startedMs = performance.now();
    let lastMs = startedMs;
    for (;;) {
      this.#bench.vmbus.settle();
      this.#deliver();
      this.#hearRescind();
      this.threads.run();
      if (isSo()) return;
      const nowMs = performance.now();
      if (nowMs - startedMs > DEADLINE_MS) {
        throw new DemoError(
          'demo-guest-silent',
          `The ${this.kind} guest did not ${what} in ${DEADLINE_MS / 1000} s. ${this.logged.join('; ')}`,
        );
      }
      this.threads.advance(nowMs - lastMs);
      lastMs = nowMs;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** What is still taken of host and guest; empty: everything is back. */
  get leftovers(): readonly string[] {
    const { ranges, buffers, vectors } = this.#hardware.taken;
    const { vm, deviceSlots, assignments, vmbus } = this.#bench;
    const counts = {
      'address ranges of the guest': ranges,
      'buffers of the guest': buffers,
      'interrupt vectors of the guest': vectors,
      'threads of the guest': this.threads.snapshot().length,
      'memory slots': deviceSlots,
      'interrupts of the VM': vm.irqfds.size,
      'doorbells of the VM': vm.doorbells.size,
      assignments: assignments.live.length,
      offers: vmbus.guest.offers.size,
      'functions that failed': this.#bench.events.length,
    };
    return Object.entries(counts).flatMap(([name, count]) => (count === 0 ? [] : [`${count} ${name}`]));
  }

  close(): void {
    this.#bench.assignments.rescindAll();
    this.#bench[Symbol.dispose]();
  }

  // GuestPlatform

  readMmio(gpa: number, sizeBytes: number): bigint {
    return this.#bench.read(gpa, sizeBytes);
  }
  writeMmio(gpa: number, sizeBytes: number, value: bigint): void {
    this.#bench.write(gpa, sizeBytes, value);
    this.#deliver();
  }
  allocateMmio(request: MmioRequest): number | undefined {
    return this.#hardware.allocateMmio(request);
  }
  freeMmio(gpa: number): void {
    this.#hardware.freeMmio(gpa);
  }
  allocateDma(sizeBytes: number): DmaBuffer {
    return this.#hardware.allocateDma(sizeBytes);
  }
  freeDma(buffer: DmaBuffer): void {
    this.#hardware.freeDma(buffer);
  }
  allocateVector(): VectorTarget | undefined {
    return this.#hardware.allocateVector();
  }
  handleVector(target: VectorTarget, handler: (() => void) | undefined): void {
    this.#hardware.handleVector(target, handler);
  }
  freeVector(target: VectorTarget): void {
    this.#hardware.freeVector(target);
  }
  retarget({ deviceId, addressLow, data, vector, vps }: RetargetCall): number {
    const message = { addressLow, data };
    return this.#bench.assignments.retarget({ deviceId, message, vector, vps, multicast: false });
  }
  log(text: string): void {
    this.logged.push(text);
  }

  /** irqfd: where the eventfds that functions have signalled lead. */
  #deliver(): void {
    const { vm } = this.#bench;
    for (const eventFd of vm.irqfds.keys()) {
      const message = EventFd.fromFd(eventFd).drain() > 0n ? vm.msiOf(eventFd) : undefined;
      if (message === undefined) continue;
      // Intel SDM volume 3, 11.11: the destination's APIC id in address bits 12 to 19, the vector in data bits 0 to 7.
      const target = { vector: message.data & 0xff, vp: Number((message.address >> 12n) & 0xffn) };
      this.interrupts[this.#hardware.interrupt(target) ? 'taken' : 'lost'] += 1;
    }
  }

  #hearRescind(): void {
    const frontEnd = this.#frontEnd;
    if (frontEnd !== undefined && !this.#bench.vmbus.guest.offers.has(frontEnd.relid)) frontEnd.end.rescinded();
  }

  async #released(): Promise<void> {
    this.#assignment = undefined;
    await this.until('let go of its bus', () => this.#frontEnd === undefined);
  }

  #assigned(): Assignment {
    if (this.#assignment === undefined) throw this.#problem('has no disk');
    return this.#assignment;
  }

  #problem(what: string): DemoError {
    return new DemoError('demo-guest-problem', `The ${this.kind} guest ${what}. ${this.logged.join('; ')}`.trimEnd());
  }
}
