import { EventFd, IrqIndex, RegionIndex, readFileAt } from '../linux/index.ts';
import type { VfioDevice } from '../linux/index.ts';
import {
  CapabilityId,
  CommandBit,
  ExpressRegister,
  HeaderRegister,
  PowerControlBit,
  PowerRegister,
  decodeBarTypes,
  decodeHeader,
  findCapability,
  standardCapabilities,
} from '../pci/index.ts';
import { pageBytes } from './bar-layout.ts';
import type { BackendBar, BackendEvents, BackendMapping, FunctionBackend, InterruptKind } from './function-backend.ts';
import type { DmaRegion } from './function.ts';
import { VectorAllocation } from './vector-allocation.ts';

const irqIndexes = { msi: IrqIndex.msi, msix: IrqIndex.msix } as const;

/** A function of this machine, reached through VFIO. */
export class VfioBackend implements FunctionBackend {
  readonly name: string;
  readonly numaNode: number | undefined;
  readonly bars: readonly BackendBar[];
  readonly #device: VfioDevice;
  readonly #vectors: VectorAllocation;
  readonly #hasErrorInterrupt: boolean;
  #config: Uint8Array;
  #fresh = true;
  #request: EventFd | undefined;
  #error: EventFd | undefined;
  #memory: readonly DmaRegion[] = [];

  /** Takes over `device`. Its memory decoding is turned on and stays on: mapped BARs would fault without. */
  constructor(device: VfioDevice, numaNode: number | undefined) {
    this.#device = device;
    this.name = device.bdf;
    this.numaNode = numaNode;
    this.#config = this.#readConfig();
    this.#vectors = new VectorAllocation({ msi: device.irqInfo(IrqIndex.msi), msix: device.irqInfo(IrqIndex.msix) });
    // VFIO has the error interrupt for PCI Express functions only and refuses to describe it for others.
    this.#hasErrorInterrupt = this.#capability(CapabilityId.pciExpress) !== undefined;
    this.#wakeAndDecode();
    this.bars = decodeBarTypes(this.#config).flatMap(({ index, kind, prefetchable }) => {
      const { sizeBytes } = device.region(index);
      if (kind === 'io' || sizeBytes === 0) return [];
      return [{ index, kind, prefetchable, sizeBytes, mappings: this.#mapBar(index) }];
    });
  }

  captureConfig(): Uint8Array {
    return this.#config;
  }

  /** A few thousand reads of the function: done once after each reset. */
  #readConfig(): Uint8Array {
    const region = this.#device.region(RegionIndex.config);
    const config = new Uint8Array(region.sizeBytes);
    const read = readFileAt(this.#device.fd, config, region.fileOffset);
    if (read === config.byteLength) return config;
    throw new Error(`${this.name}: ${read} of ${config.byteLength} bytes of configuration space could be read`);
  }

  reset(): void {
    // The kernel has reset the function when it was opened (Linux drivers/vfio/pci/vfio_pci_core.c, vfio_pci_core_enable), and
    // nobody could touch it since. A function-level reset takes 100 ms.
    if (!this.#fresh) {
      if (this.#device.info.resettable) this.#device.reset();
      this.#config = this.#readConfig();
    }
    this.#fresh = false;
    this.#wakeAndDecode();
  }

  listen(events: BackendEvents | undefined): void {
    this.#request = this.#report(IrqIndex.request, this.#request, events && (() => events.releaseRequested()));
    if (!this.#hasErrorInterrupt) return;
    const reason = `${this.name} reported an uncorrectable error; the host's log (dmesg) has its details`;
    this.#error = this.#report(IrqIndex.error, this.#error, events && (() => events.failed(reason)));
  }

  setBusMaster(enabled: boolean): void {
    this.#changeConfig(HeaderRegister.command, enabled ? CommandBit.busMaster : 0, CommandBit.busMaster);
  }

  setPowerState(state: 0 | 3): void {
    const offset = this.#capability(CapabilityId.powerManagement);
    if (offset !== undefined) this.#changeConfig(offset + PowerRegister.control, state, PowerControlBit.stateMask);
  }

  setDeviceControl(bits: number, mask: number): void {
    const offset = this.#capability(CapabilityId.pciExpress);
    if (offset !== undefined) this.#changeConfig(offset + ExpressRegister.deviceControl, bits, mask);
  }

  readRegister(barIndex: number, offset: number, sizeBytes: number): bigint {
    return this.#device.readRegion(barIndex, offset, sizeBytes);
  }

  writeRegister(barIndex: number, offset: number, sizeBytes: number, value: bigint): void {
    this.#device.writeRegion(barIndex, offset, sizeBytes, value);
  }

  /** A guest reaches them itself, in pages that it has mapped. */
  doorbells(): readonly [] {
    return [];
  }

  /**
   * Known of NVMe controllers only, whose registers and doorbells have their places: none lies in another BAR, nor behind
   * the first page of doorbells when these are packed (NVM Express over PCIe Transport Specification, "Register
   * definition"). Of other functions nobody can tell from outside what else a page holds.
   */
  reservedBesideMsix(barIndex: number, offset: number): boolean {
    const header = decodeHeader(this.#config);
    if (header?.baseClass !== 0x01 || header.subClass !== 0x08 || header.programmingInterface !== 0x02) return false;
    if (barIndex !== 0) return true;
    const doorbellStride = this.readRegister(0, 4, 4) & 0xfn;
    return doorbellStride === 0n && offset >= 0x2000;
  }

  enableMsix(): void {
    this.#perform(this.#vectors.enable('msix'));
  }

  connectVector(kind: InterruptKind, vector: number, eventFd: number | undefined, expectedCount: number): void {
    this.#perform(this.#vectors.connect(kind, vector, eventFd, expectedCount));
  }

  disableVectors(): void {
    this.#perform(this.#vectors.disable());
  }

  mapMemory(regions: readonly DmaRegion[]): void {
    const mapped: DmaRegion[] = [];
    try {
      for (const region of regions) {
        this.#device.domain.mapDma(region.gpa, region.sizeBytes, region.hostAddress);
        mapped.push(region);
      }
    } catch (error) {
      for (const region of mapped) this.#device.domain.unmapDma(region.gpa, region.sizeBytes);
      throw error;
    }
    this.#memory = mapped;
  }

  unmapMemory(): void {
    const mapped = this.#memory;
    this.#memory = [];
    for (const region of mapped) this.#device.domain.unmapDma(region.gpa, region.sizeBytes);
  }

  close(): void {
    this.#request?.close();
    this.#error?.close();
    this.#request = undefined;
    this.#error = undefined;
    this.#device.close();
  }

  #wakeAndDecode(): void {
    this.setPowerState(0);
    const decided = CommandBit.memorySpace | CommandBit.busMaster | CommandBit.interruptDisable;
    this.#changeConfig(HeaderRegister.command, CommandBit.memorySpace | CommandBit.interruptDisable, decided);
  }

  #changeConfig(offset: number, bits: number, mask: number): void {
    const old = this.#device.readConfig(offset, 2);
    const next = (old & ~mask) | (bits & mask);
    if (next !== old) this.#device.writeConfig(offset, 2, next);
  }

  #capability(id: number): number | undefined {
    return findCapability(standardCapabilities(this.#config), id)?.offset;
  }

  /** A BAR smaller than a page can be mapped where the host has reserved the rest of the page: then the page is the BAR's. */
  #mapBar(index: number): BackendMapping[] {
    return this.#device.region(index).mappableAreas.map(({ offset, sizeBytes }) => ({
      offsetBytes: offset,
      sizeBytes: Math.ceil(sizeBytes / pageBytes) * pageBytes,
      hostAddress: this.#device.mmapRegion(index, offset, sizeBytes),
    }));
  }

  /** Puts a new eventfd, or none, in the place of `old`. */
  #report(index: number, old: EventFd | undefined, callback: (() => void) | undefined): EventFd | undefined {
    const eventFd = callback && EventFd.create();
    try {
      this.#device.setIrqEventFds(index, 0, [eventFd?.fd]);
    } catch (error) {
      eventFd?.close();
      throw error;
    } finally {
      old?.close();
    }
    if (callback !== undefined) eventFd?.onSignal(callback).keepAlive(false);
    return eventFd;
  }

  #perform(actions: ReturnType<VectorAllocation['connect']>): void {
    for (const action of actions) {
      switch (action.kind) {
        case 'disable':
          this.#device.disableIrqs(irqIndexes[action.interrupt]);
          break;
        case 'set':
          this.#device.setIrqEventFds(irqIndexes[action.interrupt], action.start, action.eventFds);
          break;
        case 'signal':
          for (const fd of action.eventFds) EventFd.fromFd(fd).signal();
          break;
      }
    }
  }
}
