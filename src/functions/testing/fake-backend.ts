import {
  CommandBit,
  ExpressRegister,
  HeaderRegister,
  PowerControlBit,
  PowerRegister,
  readU16,
  writeU16,
} from '../../pci/index.ts';
import type {
  AllocatePages,
  BackendBar,
  BackendEvents,
  FunctionBackend,
  InterruptKind,
  Pages,
} from '../function-backend.ts';
import type { BarDoorbell, DmaRegion } from '../function.ts';
import { FakeCapability } from './fake-config.ts';

export interface FakeBar extends Omit<BackendBar, 'mappings'> {
  /** Whether a guest may be given its pages; otherwise every access comes to the function. */
  readonly mappable: boolean;
}

export interface FakeBackendOptions {
  readonly name: string;
  readonly numaNode: number | undefined;
  /** As after power-on. */
  readonly config: Uint8Array;
  readonly bars: readonly FakeBar[];
  /** Whether the pages of the MSI-X table and pending bits hold nothing else. */
  readonly nothingBesideMsix: boolean;
  readonly allocate: AllocatePages;
}

/** A function made of memory: its BARs are RAM, its registers do nothing, and everything done to it is written down. */
export class FakeBackend implements FunctionBackend {
  readonly name: string;
  readonly numaNode: number | undefined;
  readonly bars: readonly BackendBar[];
  /** Configuration space as it is now. */
  readonly config: Uint8Array;
  /** Every call that changes something, in order: `reset`, `bus-master on`, `connect msix 3 fd 7`. */
  readonly log: string[] = [];
  /** Vectors that would signal an eventfd now. */
  readonly connected = new Map<number, number>();
  memory: readonly DmaRegion[] = [];
  /** Of BAR 0; whoever changes them tells {@link events}. */
  doorbellsOfBar0: readonly BarDoorbell[] = [];
  events: BackendEvents | undefined;
  closed = false;
  readonly #initial: Uint8Array;
  readonly #ram = new Map<number, Pages>();
  readonly #nothingBesideMsix: boolean;
  #refusal: string | undefined;

  constructor(options: FakeBackendOptions) {
    this.name = options.name;
    this.numaNode = options.numaNode;
    this.config = Uint8Array.from(options.config);
    this.#initial = options.config;
    this.#nothingBesideMsix = options.nothingBesideMsix;
    this.bars = options.bars.map(({ mappable, ...bar }) => {
      const sizeBytes = Math.ceil(bar.sizeBytes / 4096) * 4096;
      const ram = options.allocate(`${options.name} BAR ${bar.index}`, sizeBytes);
      this.#ram.set(bar.index, ram);
      return { ...bar, mappings: mappable ? [{ offsetBytes: 0, sizeBytes, hostAddress: ram.address }] : [] };
    });
  }

  /** From now on every call fails with this sentence; undefined: no longer. */
  refuseWith(sentence: string | undefined): void {
    this.#refusal = sentence;
  }

  /** The memory of a BAR, of its size at least. */
  ram(barIndex: number): Uint8Array {
    const pages = this.#ram.get(barIndex);
    if (pages === undefined) throw new Error(`${this.name} has no BAR ${barIndex}`);
    return pages.bytes;
  }

  captureConfig(): Uint8Array {
    this.#do();
    return Uint8Array.from(this.config);
  }

  reset(): void {
    this.#do('reset');
    this.config.set(this.#initial);
    for (const pages of this.#ram.values()) pages.bytes.fill(0);
    this.connected.clear();
  }

  listen(events: BackendEvents | undefined): void {
    this.events = events;
  }

  setBusMaster(enabled: boolean): void {
    this.#do(`bus-master ${enabled ? 'on' : 'off'}`);
    this.#change(HeaderRegister.command, enabled ? CommandBit.busMaster : 0, CommandBit.busMaster);
  }

  setPowerState(state: 0 | 3): void {
    this.#do(`power D${state}`);
    this.#change(FakeCapability.powerManagement + PowerRegister.control, state, PowerControlBit.stateMask);
  }

  setDeviceControl(bits: number, mask: number): void {
    this.#do(`device-control 0x${bits.toString(16)}`);
    this.#change(FakeCapability.express + ExpressRegister.deviceControl, bits, mask);
  }

  readRegister(barIndex: number, offset: number, sizeBytes: number): bigint {
    this.#do();
    const bytes = this.ram(barIndex).subarray(offset, offset + sizeBytes);
    return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  writeRegister(barIndex: number, offset: number, sizeBytes: number, value: bigint): void {
    this.#do(`write BAR ${barIndex} 0x${offset.toString(16)} ${sizeBytes} 0x${value.toString(16)}`);
    const ram = this.ram(barIndex);
    for (let i = 0; i < sizeBytes; i += 1) ram[offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }

  doorbells(barIndex: number): readonly BarDoorbell[] {
    return barIndex === 0 ? this.doorbellsOfBar0 : [];
  }

  reservedBesideMsix(): boolean {
    return this.#nothingBesideMsix;
  }

  enableMsix(): void {
    this.#do('enable msix');
  }

  connectVector(kind: InterruptKind, vector: number, eventFd: number | undefined): void {
    this.#do(`connect ${kind} ${vector} ${eventFd === undefined ? 'off' : `fd ${eventFd}`}`);
    if (eventFd === undefined) this.connected.delete(vector);
    else this.connected.set(vector, eventFd);
  }

  disableVectors(): void {
    this.#do('disable-vectors');
    this.connected.clear();
  }

  mapMemory(regions: readonly DmaRegion[]): void {
    this.#do('map-memory');
    this.memory = regions;
  }

  unmapMemory(): void {
    this.#do('unmap-memory');
    this.memory = [];
  }

  close(): void {
    if (this.closed) return;
    this.log.push('close');
    this.closed = true;
    for (const pages of this.#ram.values()) pages.close();
  }

  #do(entry?: string): void {
    if (this.#refusal !== undefined) throw new Error(this.#refusal);
    if (entry !== undefined) this.log.push(entry);
  }

  #change(offset: number, bits: number, mask: number): void {
    writeU16(this.config, offset, (readU16(this.config, offset) & ~mask) | (bits & mask));
  }
}
