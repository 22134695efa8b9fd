import type { BarKind } from '../pci/index.ts';
import type { BarDoorbell, DmaRegion } from './function.ts';

/** A memory BAR as the function has it. */
export interface BackendBar {
  readonly index: number;
  readonly kind: Exclude<BarKind, 'io'>;
  readonly prefetchable: boolean;
  /** A power of two. */
  readonly sizeBytes: number;
  /** What this process has mapped of it and a guest may share; valid until {@link FunctionBackend.close}. */
  readonly mappings: readonly BackendMapping[];
}

export interface BackendMapping {
  readonly offsetBytes: number;
  /** May end beyond a BAR smaller than a page when nothing else lives in that page. */
  readonly sizeBytes: number;
  readonly hostAddress: bigint;
}

/** What a function reports by itself, from the event loop. */
export interface BackendEvents {
  releaseRequested(): void;
  failed(reason: string): void;
  /** {@link FunctionBackend.doorbells} gives others for this BAR now. */
  doorbellsChanged(barIndex: number): void;
}

export type InterruptKind = 'msi' | 'msix';

/**
 * What a kind of function supplies. It sees nothing of a guest: `PolicedFunction` stands between them and asks for what the
 * policy lets through. Calls throw when the function refuses.
 */
export interface FunctionBackend {
  readonly name: string;
  readonly numaNode: number | undefined;
  readonly bars: readonly BackendBar[];

  /** 256 or 4096 bytes: configuration space as it read after the last reset, or when the function was opened. */
  captureConfig(): Uint8Array;
  /**
   * Brings the function to its state after power-on, in D0, decoding its BARs, not mastering the bus, with no vector
   * enabled. A function that can't be reset is brought as close as can be.
   */
  reset(): void;
  /** From now on reports go to `events`; undefined: to nobody. */
  listen(events: BackendEvents | undefined): void;

  setBusMaster(enabled: boolean): void;
  setPowerState(state: 0 | 3): void;
  /** Sets the bits of PCI Express Device Control that `mask` names. */
  setDeviceControl(bits: number, mask: number): void;

  /** Within a BAR's `sizeBytes`; 1, 2, 4 or 8 bytes. */
  readRegister(barIndex: number, offset: number, sizeBytes: number): bigint;
  writeRegister(barIndex: number, offset: number, sizeBytes: number, value: bigint): void;
  /** Registers of a BAR at which a write is as good as a signal of an eventfd, which stays open until they have changed. */
  doorbells(barIndex: number): readonly BarDoorbell[];
  /**
   * Whether these whole pages of a BAR, in which the MSI-X table or pending bits lie, are known to hold nothing else:
   * what is beside them then reads 0 and swallows writes, and never reaches the function.
   */
  reservedBesideMsix(barIndex: number, offset: number, sizeBytes: number): boolean;

  /** Turns MSI-X on, as the guest has, with no vector connected yet. */
  enableMsix(): void;
  /**
   * Connects one vector; undefined disconnects it. The first connection enables `kind`, if it isn't on yet; `expectedCount`: how many vectors
   * the guest has asked for, where it says so (MSI).
   */
  connectVector(kind: InterruptKind, vector: number, eventFd: number | undefined, expectedCount: number): void;
  disableVectors(): void;

  mapMemory(regions: readonly DmaRegion[]): void;
  unmapMemory(): void;
  /** Lets the function go, which resets it. Idempotent. */
  close(): void;
}

/** Page-aligned memory that lives until {@link Pages.close}. */
export interface Pages {
  readonly bytes: Uint8Array;
  readonly address: bigint;
  close(): void;
}

/** `sizeBytes`: whole pages. `name`: for whoever lists the process's memory. The pages hold zeros. */
export type AllocatePages = (name: string, sizeBytes: number) => Pages;
