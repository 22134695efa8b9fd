import { setTimeout } from 'node:timers/promises';
import { type SharedMemory, type VfioDevice } from '../../../src/linux/index.ts';

/** NVM Express base specification 1.4, section 3.1 (controller registers) and 5.15 (Identify). */
const register = { cap: 0x00, cc: 0x14, csts: 0x1c, aqa: 0x24, asq: 0x28, acq: 0x30, doorbells: 0x1000 } as const;
const controllerEnable = 1n;
const entrySizes = 0x46_0000n;
const identify = 0x06;
const identifyController = 1;
const queueEntries = 16;

/** Where the driver lays its queues and buffer out, in bytes from the start of its memory and of its DMA addresses alike. */
const layout = { submission: 0, completion: 0x1000, buffer: 0x2000 } as const;
export const nvmeMemorySizeBytes = 0x3000;

/** Just enough of an NVMe driver to move 4 KiB by DMA and to raise an interrupt, over VFIO's reads and writes of BAR 0. */
export class NvmeProbe {
  readonly #device: VfioDevice;
  readonly #memory: SharedMemory;
  readonly #iova: number;
  #submitted = 0;

  constructor(device: VfioDevice, memory: SharedMemory, iova: number) {
    this.#device = device;
    this.#memory = memory;
    this.#iova = iova;
  }

  #read32(offset: number): number {
    return Number(this.#device.readRegion(0, offset, 4));
  }

  /** Turns the controller on with one pair of admin queues. */
  async enable(): Promise<void> {
    this.#device.writeRegion(0, register.aqa, 4, BigInt(((queueEntries - 1) << 16) | (queueEntries - 1)));
    this.#write64(register.asq, this.#iova + layout.submission);
    this.#write64(register.acq, this.#iova + layout.completion);
    this.#device.writeRegion(0, register.cc, 4, entrySizes | controllerEnable);
    await this.#until(() => (this.#read32(register.csts) & 1) === 1, 'ready');
  }

  get enabled(): boolean {
    return (this.#read32(register.csts) & 1) === 1;
  }

  #write64(offset: number, value: number): void {
    this.#device.writeRegion(0, offset, 4, BigInt(value) & 0xffff_ffffn);
    this.#device.writeRegion(0, offset + 4, 4, BigInt(value) >> 32n);
  }

  /** Asks the controller who it is; the answer comes by DMA, and an interrupt with it. */
  submitIdentify(): void {
    const slot = this.#submitted % queueEntries;
    const entry = new DataView(this.#memory.buffer, layout.submission + slot * 64, 64);
    entry.setUint32(0, identify | ((this.#submitted + 1) << 16), true);
    entry.setBigUint64(24, BigInt(this.#iova + layout.buffer), true);
    entry.setUint32(40, identifyController, true);
    this.#submitted += 1;
    this.#device.writeRegion(0, register.doorbells, 4, BigInt(this.#submitted % queueEntries));
  }

  /** Status of the completion of the command submitted last (0: success), once it is there. */
  async completion(): Promise<number> {
    const entry = new DataView(this.#memory.buffer, layout.completion + (this.#submitted - 1) * 16, 16);
    await this.#until(() => (entry.getUint16(14, true) & 1) === 1, 'a completion');
    return entry.getUint16(14, true) >> 1;
  }

  get identifyVendor(): number {
    return new DataView(this.#memory.buffer, layout.buffer, 4).getUint16(0, true);
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    for (let tries = 0; tries < 500; tries++) {
      if (condition()) return;
      await setTimeout(10);
    }
    throw new Error(`the controller showed no sign of ${what} for 5 s`);
  }
}
