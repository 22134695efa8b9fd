import type { DmaRegion, MsiMessage, PciFunction } from '../../../functions/index.ts';
import { PlainGuestMemory } from '../../../hyperv/testing/index.ts';
import { CONFIG_WINDOW_BYTES } from '../../config-window.ts';
import type {
  DmaBuffer,
  GuestPlatform,
  MmioRequest,
  RetargetCall,
  VectorTarget,
} from '../../front-ends/guest-platform.ts';
import { GuestThreads } from '../../front-ends/guest-threads.ts';
import { VpciProvider, type VpciProviderOptions } from '../../provider.ts';
import { formatSlot, type Slot } from '../../slot.ts';
import { FakeMachine } from '../fake-machine.ts';
import { INSTANCE_ID } from '../fixture.ts';
import { GuestHardware } from './guest-hardware.ts';

export interface ModelFunction {
  readonly slot: Slot;
  readonly make: () => PciFunction;
}

export interface ModelMachineOptions {
  readonly functions: readonly ModelFunction[];
  /** 1024 by default. */
  readonly memoryPages?: number;
  /** For functions that raise interrupts: makes an eventfd. By default they are numbers that nobody can write to. */
  readonly makeEvent?: () => ModelEvent;
  readonly provider?: Partial<Pick<VpciProviderOptions, 'maxVersion' | 'instanceId'>>;
}

/** An eventfd, as `src/linux` has it. */
export interface ModelEvent {
  readonly fd: number;
  /** How often it was written to since the last time. */
  drain(): bigint;
  close(): void;
}

interface Lent {
  readonly fn: PciFunction;
  readonly bars: Map<number, number>;
  readonly messages: Map<number, MsiMessage>;
  /** Vectors that fired while they had no message. */
  readonly pending: Set<number>;
  back: boolean;
}

const PAGE_BYTES = 4096;
const HYPERCALL_SUCCESS = 0;
const HYPERCALL_INVALID_PARAMETER = 5;

/**
 * Host and guest without a hypervisor: a provider with functions on one side, on the other what a front end needs of a guest's
 * kernel. Accesses to address space go to the config window, to a BAR, or nowhere; messages go where tokens say.
 */
export class ModelMachine implements GuestPlatform {
  readonly threads = new GuestThreads();
  readonly memory: PlainGuestMemory;
  readonly hardware: GuestHardware;
  readonly port = new FakeMachine();
  readonly provider: VpciProvider;
  /** What the guest has logged. */
  readonly logged: string[] = [];
  /** Accesses that nothing answered, and interrupts that nobody took. */
  readonly counts = { strayAccesses: 0, lostInterrupts: 0, retargets: 0, configAccesses: 0 };
  /** What the retarget hypercall gives in place of asking the provider. */
  retargetAnswer: number | undefined;
  /** Accesses to BARs are answered as if nothing were there. */
  barsYanked = false;
  readonly #lent = new Map<Slot, Lent>();
  readonly #events = new Map<number, { readonly lent: Lent; readonly vector: number; readonly event: ModelEvent }>();
  readonly #makeEvent: () => ModelEvent;

  constructor({ functions, memoryPages = 1024, makeEvent = numberedEvents(), provider = {} }: ModelMachineOptions) {
    this.#makeEvent = makeEvent;
    this.memory = new PlainGuestMemory([{ gpn: 0, pageCount: memoryPages }]);
    const dma = { start: PAGE_BYTES, end: memoryPages * PAGE_BYTES };
    this.hardware = new GuestHardware({ memory: this.memory, dma });
    for (const { slot, make } of functions) this.#lent.set(slot, this.#lend(slot, make()));
    const placed = [...this.#lent].map(([slot, { fn }]) => ({ function: fn, slot }));
    this.provider = new VpciProvider({ instanceId: INSTANCE_ID, functions: placed, port: this.port, ...provider });
    this.port.onEjection = (slot) => this.takeBack(slot);
  }

  /** The host detaches the function in `slot`: nothing may touch it any more. */
  takeBack(slot: Slot): void {
    const lent = this.#lent.get(slot);
    if (lent === undefined || lent.back) return;
    lent.back = true;
    lent.fn.detach();
    lent.bars.clear();
    lent.messages.clear();
  }

  isBack(slot: Slot): boolean {
    return this.#lent.get(slot)?.back === true;
  }

  // GuestPlatform

  readMmio(gpa: number, sizeBytes: number): bigint {
    const window = this.port.window?.gpa;
    if (window !== undefined && gpa >= window && gpa < window + CONFIG_WINDOW_BYTES) {
      this.counts.configAccesses += 1;
      return BigInt(this.provider.configWindowRead(gpa - window, sizeBytes));
    }
    const hit = this.#decode(gpa);
    if (hit !== undefined) return hit.lent.fn.readBar(hit.index, hit.offset, sizeBytes);
    this.counts.strayAccesses += 1;
    return BigInt.asUintN(8 * sizeBytes, -1n);
  }

  writeMmio(gpa: number, sizeBytes: number, value: bigint): void {
    const window = this.port.window?.gpa;
    if (window !== undefined && gpa >= window && gpa < window + CONFIG_WINDOW_BYTES) {
      this.counts.configAccesses += 1;
      this.provider.configWindowWrite(gpa - window, sizeBytes, Number(value));
      return;
    }
    const hit = this.#decode(gpa);
    if (hit === undefined) this.counts.strayAccesses += 1;
    else hit.lent.fn.writeBar(hit.index, hit.offset, sizeBytes, value);
    this.deliverEvents();
  }

  /** Interrupts for which an eventfd was written to. Called after each access to a BAR; a function that writes later needs another call. */
  deliverEvents(): void {
    for (const { lent, vector, event } of this.#events.values()) if (event.drain() > 0n) this.#fire(lent, vector);
  }

  /** Everything that is the machine's own is closed. */
  close(): void {
    for (const { fn } of this.#lent.values()) fn.close();
    for (const { event } of this.#events.values()) event.close();
    this.#events.clear();
  }

  allocateMmio(request: MmioRequest): number | undefined {
    return this.hardware.allocateMmio(request);
  }
  freeMmio(gpa: number): void {
    this.hardware.freeMmio(gpa);
  }
  allocateDma(sizeBytes: number): DmaBuffer {
    return this.hardware.allocateDma(sizeBytes);
  }
  freeDma(buffer: DmaBuffer): void {
    this.hardware.freeDma(buffer);
  }
  allocateVector(): VectorTarget | undefined {
    return this.hardware.allocateVector();
  }
  handleVector(target: VectorTarget, handler: (() => void) | undefined): void {
    this.hardware.handleVector(target, handler);
  }
  freeVector(target: VectorTarget): void {
    this.hardware.freeVector(target);
  }
  retarget(call: RetargetCall): number {
    this.counts.retargets += 1;
    if (this.retargetAnswer !== undefined) return this.retargetAnswer;
    return this.provider.retarget(call) === 'retargeted' ? HYPERCALL_SUCCESS : HYPERCALL_INVALID_PARAMETER;
  }
  log(text: string): void {
    this.logged.push(text);
  }

  /** All of RAM, which is one piece, for functions' DMA; it has no address of its own, only bytes. */
  get #dmaRegion(): DmaRegion {
    const page = this.memory.page(0);
    if (page === undefined) throw new Error('the guest has no RAM');
    const bytes = new Uint8Array(page.bytes.buffer);
    return { gpa: 0, sizeBytes: bytes.byteLength, hostAddress: 0n, bytes };
  }

  #lend(slot: Slot, fn: PciFunction): Lent {
    const lent: Lent = { fn, bars: new Map(), messages: new Map(), pending: new Set(), back: false };
    const borrower = {
      barMoved: (index: number, gpa: number | undefined) =>
        void (gpa === undefined ? lent.bars.delete(index) : lent.bars.set(index, gpa)),
      imageAccessChanged: () => undefined,
      // Every doorbell is rung by a write here, whatever a function offers.
      doorbellsChanged: () => undefined,
      messageChanged: (vector: number, message: MsiMessage | undefined) => this.#messageChanged(lent, vector, message),
      releaseRequested: () => this.log(`${formatSlot(slot)}: release requested`),
      failed: (reason: string) => this.log(`${formatSlot(slot)}: failed: ${reason}`),
    };
    fn.attach(borrower);
    fn.attachMemory([this.#dmaRegion]);
    return lent;
  }

  #messageChanged(lent: Lent, vector: number, message: MsiMessage | undefined): void {
    if (message === undefined) {
      lent.messages.delete(vector);
      return;
    }
    const first = ![...this.#events.values()].some((each) => each.lent === lent && each.vector === vector);
    lent.messages.set(vector, message);
    if (first) {
      const event = this.#makeEvent();
      this.#events.set(event.fd, { lent, vector, event });
      lent.fn.connectVector(vector, event.fd);
    }
    if (lent.pending.delete(vector)) this.#fire(lent, vector);
  }

  #fire(lent: Lent, vector: number): void {
    const message = lent.messages.get(vector);
    if (message === undefined) {
      lent.pending.add(vector);
      return;
    }
    const target = this.provider.interruptTarget(message);
    const vp = target?.vps.find((each) => each < this.hardware.vpCount) ?? 0;
    if (target === undefined || !this.hardware.interrupt({ vector: target.vector, vp }))
      this.counts.lostInterrupts += 1;
    this.threads.run();
  }

  #decode(gpa: number): { readonly lent: Lent; readonly index: number; readonly offset: number } | undefined {
    if (this.barsYanked) return undefined;
    for (const lent of this.#lent.values()) {
      for (const [index, start] of lent.bars) {
        const sizeBytes = lent.fn.bars.find((bar) => bar.index === index)?.sizeBytes ?? 0;
        if (gpa >= start && gpa < start + sizeBytes) return { lent, index, offset: gpa - start };
      }
    }
    return undefined;
  }
}

/** Numbers in place of eventfds, for functions that raise no interrupts. */
function numberedEvents(): () => ModelEvent {
  let next = 100;
  return () => {
    next += 1;
    return { fd: next, drain: () => 0n, close: () => undefined };
  };
}
