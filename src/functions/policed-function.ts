import { decodeHeader, extendedConfigSpaceBytes } from '../pci/index.ts';
import type { ByteRange } from './bar-layout.ts';
import { divideBar, shownBarBytes } from './bar-regions.ts';
import type { ConfigEffect } from './config-effects.ts';
import { type MsixControl, passedOnDeviceControl } from './config-state.ts';
import { ConfigView } from './config-view.ts';
import { contains, emulateMsix, overlaps } from './emulated-msix.ts';
import type { EmulatedMsix } from './emulated-msix.ts';
import type { AllocatePages, BackendBar, FunctionBackend, Pages } from './function-backend.ts';
import type {
  BarDoorbell,
  BarRegion,
  BarShape,
  DmaRegion,
  FunctionBorrower,
  FunctionIdentity,
  MsiMessage,
  PciFunction,
} from './function.ts';
import { guardBackend, messageOf } from './guarded-backend.ts';
import type { GuardedBackend } from './guarded-backend.ts';
import { identityOf } from './identity.ts';
import { InterruptVectors } from './interrupt-vectors.ts';
import type { MsiState } from './msi.ts';

/** What the function reads as can't be shown to a guest; the message says why. */
export class FunctionUnusableError extends Error {
  readonly code = 'function-unusable';

  constructor(name: string, problem: string) {
    super(`${name} can't be lent out: ${problem}`);
    this.name = 'FunctionUnusableError';
  }
}

const allOnes = 0xffff_ffff_ffff_ffffn;

/**
 * Any function under the policy: the guest's view of configuration space, the emulated MSI-X table and the division of
 * its BARs stand here, once, between the borrower and the backend that reaches the function itself.
 */
export class PolicedFunction implements PciFunction {
  readonly name: string;
  readonly bars: readonly BarShape[];
  readonly numaNode: number | undefined;
  readonly #backend: FunctionBackend;
  /** For what the guest causes: a refusal becomes a report to the borrower. */
  readonly #guarded: GuardedBackend;
  readonly #allocate: AllocatePages;
  readonly #image: Pages;
  readonly #view: ConfigView;
  readonly #vectors: InterruptVectors;
  #identity: FunctionIdentity;
  #msix: EmulatedMsix | undefined;
  #borrower: FunctionBorrower | undefined;
  #memoryMapped = false;
  #closed = false;

  /** Takes over `backend`, and closes it when this throws. {@link FunctionUnusableError}: it isn't an endpoint. */
  constructor(backend: FunctionBackend, allocate: AllocatePages) {
    this.name = backend.name;
    this.numaNode = backend.numaNode;
    this.bars = backend.bars.map(shownBar);
    this.#backend = backend;
    this.#allocate = allocate;
    this.#guarded = guardBackend(backend, (reason) => this.#borrower?.failed(reason));
    this.#vectors = new InterruptVectors(this.#guarded, (vector, message) =>
      this.#borrower?.messageChanged(vector, message),
    );
    try {
      const captured = backend.captureConfig();
      this.#identity = identify(backend.name, captured);
      this.#image = allocate(`${backend.name} configuration space`, extendedConfigSpaceBytes);
      this.#view = new ConfigView(captured, this.bars, this.#image.bytes);
    } catch (error) {
      backend.close();
      throw error;
    }
  }

  get identity(): FunctionIdentity {
    return this.#identity;
  }

  get vectors(): { readonly msi: number; readonly msix: number } {
    const { msi, msix } = this.#view.layout;
    return { msi: msi?.vectorCount ?? 0, msix: msix?.vectorCount ?? 0 };
  }

  get configImageAddress(): bigint {
    return this.#image.address;
  }

  attach(borrower: FunctionBorrower): void {
    if (this.#closed) throw new Error(`${this.name} is closed`);
    if (this.#borrower !== undefined) throw new Error(`${this.name} is attached already`);
    this.#backend.reset();
    const captured = this.#backend.captureConfig();
    this.#identity = identify(this.name, captured);
    // Nobody is told of the effects: the function has just been reset to the same state.
    this.#view.recapture(captured);
    this.#msix = this.#emulateMsix();
    this.#guarded.renew();
    this.#borrower = borrower;
    this.#backend.listen({
      releaseRequested: () => this.#borrower?.releaseRequested(),
      failed: (reason) => this.#guarded.fail(reason),
      doorbellsChanged: (barIndex) => this.#borrower?.doorbellsChanged(barIndex),
    });
  }

  detach(): void {
    this.#letGo(() => this.#backend.reset());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Closing resets the function; a reset before would only take its time again.
    this.#letGo(() => this.#backend.close());
    this.#backend.close();
    this.#image.close();
  }

  /** Takes everything from the borrower, each step whatever became of the one before. `last`: leaves the function reset. */
  #letGo(last: () => void): void {
    const borrower = this.#borrower;
    if (borrower === undefined) return;
    this.#borrower = undefined;
    const steps: (() => void)[] = [
      () => this.#backend.listen(undefined),
      () => this.#backend.disableVectors(),
      () => this.#backend.setBusMaster(false),
      () => this.detachMemory(),
      last,
    ];
    const problems: string[] = [];
    for (const step of steps) {
      try {
        step();
      } catch (error) {
        problems.push(messageOf(error));
      }
    }
    this.#vectors.forget();
    this.#view.reset();
    this.#msix?.close();
    this.#msix = undefined;
    if (problems.length > 0) borrower.failed(`${this.name} could not be taken back clean: ${problems.join('; ')}`);
  }

  quiesce(): void {
    if (this.#borrower === undefined) return;
    this.#perform(this.#view.reset());
    this.#msix?.table.reset();
  }

  readConfig(offset: number, sizeBytes: number): number {
    return this.#closed ? 0xffff_ffff : this.#view.read(offset, sizeBytes);
  }

  writeConfig(offset: number, sizeBytes: number, value: number): void {
    if (this.#borrower === undefined) return;
    this.#perform(this.#view.write(offset, sizeBytes, value));
  }

  barRegions(barIndex: number): readonly BarRegion[] {
    const bar = this.#backendBar(barIndex);
    const spans = this.#msix?.spans.filter((span) => span.barIndex === barIndex) ?? [];
    return bar === undefined ? [] : divideBar(bar, spans, this.#msix?.unwatched === true);
  }

  doorbells(barIndex: number): readonly BarDoorbell[] {
    return this.#borrower === undefined ? [] : this.#backend.doorbells(barIndex);
  }

  readBar(barIndex: number, offset: number, sizeBytes: number): bigint {
    return BigInt.asUintN(8 * Math.min(Math.max(sizeBytes, 1), 8), this.#readBar(barIndex, offset, sizeBytes));
  }

  writeBar(barIndex: number, offset: number, sizeBytes: number, value: bigint): void {
    const access = this.#access(barIndex, offset, sizeBytes);
    if (access === undefined) return;
    const table = this.#msix?.shape.table;
    const pendingBits = this.#msix?.shape.pendingBits;
    if (table !== undefined && table.barIndex === barIndex && overlaps(table, access)) {
      if (!contains(table, access)) return;
      this.#msix?.table.write(offset - table.offsetBytes, sizeBytes, value);
      return;
    }
    // Pending bits are read-only; what is beside them in pages of their own is reserved.
    if (pendingBits !== undefined && pendingBits.barIndex === barIndex && overlaps(pendingBits, access)) return;
    if (this.#isReserved(barIndex, access)) return;
    this.#guarded.writeRegister(barIndex, offset, sizeBytes, value);
  }

  connectVector(vector: number, eventFd: number | undefined): void {
    const { msi, msix } = this.vectors;
    if (!Number.isInteger(vector) || vector < 0 || vector >= Math.max(msi, msix)) {
      throw new RangeError(`${this.name} has no interrupt vector ${vector}`);
    }
    if (this.#borrower === undefined) return;
    this.#vectors.connect(vector, eventFd);
  }

  attachMemory(regions: readonly DmaRegion[]): void {
    if (this.#borrower === undefined || this.#memoryMapped) throw new Error(`${this.name} takes memory once an attach`);
    this.#backend.mapMemory(regions);
    this.#memoryMapped = true;
  }

  detachMemory(): void {
    if (!this.#memoryMapped) return;
    this.#memoryMapped = false;
    this.#backend.unmapMemory();
  }

  #readBar(barIndex: number, offset: number, sizeBytes: number): bigint {
    const access = this.#access(barIndex, offset, sizeBytes);
    if (access === undefined) return allOnes;
    const shape = this.#msix?.shape;
    for (const part of ['table', 'pendingBits'] as const) {
      const range = shape?.[part];
      if (range === undefined || range.barIndex !== barIndex || !overlaps(range, access)) continue;
      if (!contains(range, access)) return allOnes;
      const table = this.#msix?.table;
      const inPart = offset - range.offsetBytes;
      return (part === 'table' ? table?.read(inPart, sizeBytes) : table?.readPending(inPart, sizeBytes)) ?? allOnes;
    }
    if (this.#isReserved(barIndex, access)) return 0n;
    return this.#guarded.readRegister(barIndex, offset, sizeBytes);
  }

  /** Whether the access, which touches neither table nor pending bits, falls into pages that hold nothing else. */
  #isReserved(barIndex: number, access: ByteRange): boolean {
    const spans = this.#msix?.spans ?? [];
    return spans.some((span) => span.complete && span.barIndex === barIndex && overlaps(span, access));
  }

  /** The access as a range, when it is one that the function can be asked for. */
  #access(barIndex: number, offset: number, sizeBytes: number): ByteRange | undefined {
    const bar = this.#backendBar(barIndex);
    if (this.#borrower === undefined || bar === undefined) return undefined;
    if (![1, 2, 4, 8].includes(sizeBytes) || !Number.isInteger(offset) || offset < 0) return undefined;
    return offset + sizeBytes <= bar.sizeBytes ? { offsetBytes: offset, sizeBytes } : undefined;
  }

  #backendBar(barIndex: number): BackendBar | undefined {
    return this.#backend.bars.find((bar) => bar.index === barIndex);
  }

  #emulateMsix(): EmulatedMsix | undefined {
    const { msix } = this.#view.layout;
    if (msix === undefined) return undefined;
    const report = (vector: number, message: MsiMessage | undefined): void =>
      this.#vectors.messageChanged(vector, message);
    return emulateMsix(msix, this.#backend, this.#allocate, report);
  }

  #perform(effects: readonly ConfigEffect[]): void {
    for (const effect of effects) this.#performOne(effect);
  }

  #performOne(effect: ConfigEffect): void {
    switch (effect.kind) {
      case 'bar-moved':
        this.#borrower?.barMoved(effect.barIndex, effect.gpa);
        return;
      case 'bus-master':
        this.#guarded.setBusMaster(effect.enabled);
        return;
      case 'power-state':
        this.#guarded.setPowerState(effect.state);
        return;
      case 'device-control':
        this.#guarded.setDeviceControl(effect.bits, passedOnDeviceControl);
        return;
      case 'interrupts':
        this.#programInterrupts(effect.msi, effect.msix);
        return;
      case 'function-level-reset':
        this.#resetForGuest();
        return;
    }
  }

  /** The MSI-X table is watched exactly while a vector of it may fire. */
  #programInterrupts(msi: MsiState, control: MsixControl): void {
    const msix = this.#msix;
    const mayFire = control.enabled && !control.functionMasked;
    if (msix !== undefined && mayFire && msix.unwatched) {
      this.#setUnwatched(msix, false);
      msix.tidy();
    }
    this.#vectors.program(msi, control, msix?.table);
    if (msix !== undefined && !mayFire && !msix.unwatched) this.#setUnwatched(msix, true);
  }

  #setUnwatched(msix: EmulatedMsix, unwatched: boolean): void {
    msix.unwatched = unwatched;
    for (const barIndex of new Set(msix.spans.map((span) => span.barIndex))) {
      this.#borrower?.imageAccessChanged(barIndex);
    }
  }

  /** The guest has seen the effects of the reset on its view; BARs, DMA mappings and eventfds stay with the borrower. */
  #resetForGuest(): void {
    const captured = this.#guarded.resetAndCapture();
    this.#msix?.table.reset();
    if (captured === undefined) return;
    const vectorsBefore = this.#view.layout.msix?.vectorCount;
    this.#view.recapture(captured);
    if (this.#view.layout.msix?.vectorCount !== vectorsBefore) {
      this.#guarded.fail(`${this.name} has another number of MSI-X vectors after its reset than before`);
    }
  }
}

function shownBar(bar: BackendBar): BarShape {
  const { index, kind, prefetchable } = bar;
  return { index, kind, prefetchable, sizeBytes: shownBarBytes(bar) };
}

function identify(name: string, captured: Uint8Array): FunctionIdentity {
  const header = decodeHeader(captured);
  if (header === undefined) throw new FunctionUnusableError(name, 'it does not answer (its vendor id reads all ones)');
  if (header.layout !== 0) throw new FunctionUnusableError(name, 'it is a bridge, not an endpoint');
  return identityOf(header);
}
