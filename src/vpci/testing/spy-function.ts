import type { BarRegion, BarShape, FunctionIdentity, PciFunction } from '../../functions/index.ts';
import { barMasks } from '../bar-masks.ts';

const FIRST_BAR = 0x10;

const NVME: FunctionIdentity = {
  vendorId: 0x1b36,
  deviceId: 0x0010,
  revisionId: 2,
  programmingInterface: 2,
  subClass: 8,
  baseClass: 1,
  subsystemVendorId: 0x1af4,
  subsystemId: 0x1100,
};

const NVME_BARS: readonly BarShape[] = [{ index: 0, kind: 'memory64', prefetchable: false, sizeBytes: 0x4000 }];

/**
 * A function that is no more than its configuration space: identity, BARs that size as real ones do, a command register
 * and bytes. It counts what the provider asks of it, and refuses to be touched once it was taken away.
 */
export class SpyFunction implements PciFunction {
  readonly name = 'spy';
  readonly identity: FunctionIdentity;
  readonly bars: readonly BarShape[];
  readonly numaNode = undefined;
  readonly vectors = { msi: 32, msix: 64 };
  readonly configImageAddress: bigint;
  /** How often quiesce() was called. */
  quiesced = 0;
  /** From now on any call is a provider's error. */
  handedBack = false;
  readonly #config = new DataView(new ArrayBuffer(4096));
  readonly #masks: readonly number[];

  constructor({ identity = NVME, bars = NVME_BARS, configImageAddress = 0x7f00_0000_0000n } = {}) {
    this.identity = identity;
    this.bars = bars;
    this.configImageAddress = configImageAddress;
    this.#masks = barMasks(bars);
    this.#config.setUint16(0, identity.vendorId, true);
    this.#config.setUint16(2, identity.deviceId, true);
  }

  get command(): number {
    return this.#config.getUint16(4, true);
  }

  readConfig(offset: number, sizeBytes: number): number {
    this.#expectLent();
    if (sizeBytes === 1) return this.#config.getUint8(offset);
    return sizeBytes === 2 ? this.#config.getUint16(offset, true) : this.#config.getUint32(offset, true);
  }

  writeConfig(offset: number, sizeBytes: number, value: number): void {
    this.#expectLent();
    const bar = (offset - FIRST_BAR) / 4;
    const mask = sizeBytes === 4 ? this.#masks[bar] : undefined;
    if (mask !== undefined) {
      const typeBits = this.#isHighHalf(bar) ? 0 : mask & 0xf;
      this.#config.setUint32(offset, ((value & mask & ~typeBits) | typeBits) >>> 0, true);
    } else if (sizeBytes === 1) this.#config.setUint8(offset, value);
    else if (sizeBytes === 2) this.#config.setUint16(offset, value, true);
    else this.#config.setUint32(offset, value, true);
  }

  quiesce(): void {
    this.#expectLent();
    this.quiesced += 1;
    this.#config.setUint16(4, 0, true);
    for (let bar = 0; bar < 6; bar++) this.writeConfig(FIRST_BAR + 4 * bar, 4, 0);
  }

  // The rest of a function is the machine's business, never the provider's.
  attach(): void {
    throw new Error('the provider attached a function');
  }
  detach(): void {
    throw new Error('the provider detached a function');
  }
  close(): void {
    throw new Error('the provider closed a function');
  }
  barRegions(): readonly BarRegion[] {
    throw new Error('the provider looked into a BAR');
  }
  doorbells(): readonly [] {
    throw new Error('the provider looked for doorbells');
  }
  readBar(): bigint {
    throw new Error('the provider read a BAR');
  }
  writeBar(): void {
    throw new Error('the provider wrote a BAR');
  }
  connectVector(): void {
    throw new Error('the provider connected a vector');
  }
  attachMemory(): void {
    throw new Error('the provider attached memory');
  }
  detachMemory(): void {
    throw new Error('the provider detached memory');
  }

  #isHighHalf(bar: number): boolean {
    return this.bars.some(({ index, kind }) => kind === 'memory64' && index + 1 === bar);
  }

  #expectLent(): void {
    if (this.handedBack) throw new Error('the provider touched a function that it had given back');
  }
}
