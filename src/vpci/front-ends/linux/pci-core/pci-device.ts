import { type FunctionIdentity, identityOf } from '../../../../functions/index.ts';
import {
  CommandBit,
  configSpaceBytes,
  decodeHeader,
  decodeMsiCapability,
  decodeMsixCapability,
  HeaderRegister,
  standardCapabilities,
  writeU32,
} from '../../../../pci/index.ts';
import { formatSlot, type Slot } from '../../../slot.ts';
import type { BarAccess, FunctionServices } from '../../function-driver.ts';
import type { DmaBuffer, GuestPlatform } from '../../guest-platform.ts';
import type { GuestThreads, Steps } from '../../guest-threads.ts';
import { type BarPlaces, type FoundBar, sizeBars, writeBar } from './bar-placement.ts';
import type { HostBridge } from './host-bridge.ts';
import { MessageVectors } from './message-vectors.ts';

interface PlacedBar extends FoundBar {
  /** Undefined: no room was found, and its driver does without it. */
  readonly gpa: number | undefined;
}

const { command } = HeaderRegister;

/** A function that the core has found: what its scan read, and what its driver works through. */
export class PciDevice implements FunctionServices {
  readonly name: string;
  readonly slot: Slot;
  readonly identity: FunctionIdentity;
  readonly bars: readonly PlacedBar[];
  /** Ids of its capability list, in order. */
  readonly capabilities: readonly number[];
  readonly vectors: MessageVectors;
  readonly #bridge: HostBridge;
  readonly #platform: GuestPlatform;

  /** Sizes and places the BARs and walks the capabilities; `config` is its header and capabilities as they read. */
  constructor(
    bridge: HostBridge,
    platform: GuestPlatform,
    slot: Slot,
    identity: FunctionIdentity,
    config: Uint8Array,
    places: BarPlaces,
  ) {
    this.#bridge = bridge;
    this.#platform = platform;
    this.slot = slot;
    this.name = formatSlot(slot);
    this.identity = identity;
    // The largest first, so that none is left without room by a smaller one's alignment.
    const bySize = sizeBars(bridge, slot).sort((a, b) => b.sizeBytes - a.sizeBytes);
    this.bars = bySize.map((bar) => ({ ...bar, gpa: places.take(bar) }));
    this.writeBars();
    this.capabilities = standardCapabilities(config).capabilities.map(({ id }) => id);
    const msix = decodeMsixCapability(config);
    const table = msix === undefined ? undefined : this.bar(msix.table.barIndex);
    this.vectors = new MessageVectors(
      bridge,
      platform,
      slot,
      msix === undefined || table === undefined ? undefined : { shape: msix, table },
      decodeMsiCapability(config),
    );
  }

  get threads(): GuestThreads {
    return this.#platform.threads;
  }

  /** Puts every BAR where it was placed. */
  writeBars(): void {
    for (const bar of this.bars) if (bar.gpa !== undefined) writeBar(this.#bridge, this.slot, bar, bar.gpa);
  }

  /** Memory decoding on, as before a driver starts. */
  enable(): void {
    this.#setCommand(CommandBit.memorySpace, 0);
  }

  readConfig(offset: number, sizeBytes: number): number {
    return this.#bridge.readConfig(this.slot, offset, sizeBytes);
  }

  writeConfig(offset: number, sizeBytes: number, value: number): void {
    this.#bridge.writeConfig(this.slot, offset, sizeBytes, value);
  }

  bar(index: number): BarAccess | undefined {
    const bar = this.bars.find((candidate) => candidate.index === index);
    if (bar?.gpa === undefined) return undefined;
    const { gpa, sizeBytes } = bar;
    return {
      sizeBytes,
      read: (offset, bytes) => this.#platform.readMmio(gpa + offset, bytes),
      write: (offset, bytes, value) => this.#platform.writeMmio(gpa + offset, bytes, value),
    };
  }

  setBusMaster(enabled: boolean): void {
    if (enabled) this.#setCommand(CommandBit.busMaster | CommandBit.memorySpace, 0);
    else this.#setCommand(0, CommandBit.busMaster);
  }

  allocateDma(sizeBytes: number): DmaBuffer {
    return this.#platform.allocateDma(sizeBytes);
  }

  freeDma(buffer: DmaBuffer): void {
    this.#platform.freeDma(buffer);
  }

  allocateVectors(most: number): Steps<number> {
    return this.vectors.allocate(most);
  }

  connectVector(index: number, handler: () => void): Steps<boolean> {
    return this.vectors.connect(index, handler);
  }

  freeVectors(): Steps<void> {
    return nothingToWaitFor(() => this.vectors.free());
  }

  log(text: string): void {
    this.#platform.log(`${this.name}: ${text}`);
  }

  #setCommand(on: number, off: number): void {
    const before = this.readConfig(command, 2);
    const after = (before | on) & ~off;
    if (after !== before) this.writeConfig(command, 2, after);
  }
}

/** Runs `work` in a thread without a wait. */
export function* nothingToWaitFor<T>(work: () => T): Steps<T> {
  yield* [];
  return work();
}

/** The first 256 bytes of a function's configuration space, or undefined where none answers. */
export function captureConfig(bridge: HostBridge, slot: Slot): Uint8Array | undefined {
  const id = bridge.readConfig(slot, HeaderRegister.vendorId, 4);
  if ((id & 0xffff) === 0xffff || id === 0) return undefined;
  const config = new Uint8Array(configSpaceBytes);
  for (let offset = 0; offset < configSpaceBytes; offset += 4) {
    writeU32(config, offset, bridge.readConfig(slot, offset, 4));
  }
  return config;
}

/** Undefined for what isn't an endpoint. */
export function endpointIdentity(config: Uint8Array): FunctionIdentity | undefined {
  const header = decodeHeader(config);
  if (header === undefined || header.layout !== 0) return undefined;
  return identityOf(header);
}
