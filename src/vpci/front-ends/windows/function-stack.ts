import type { FunctionIdentity } from '../../../functions/index.ts';
import { CommandBit, HeaderRegister } from '../../../pci/index.ts';
import { formatSlot, type Slot } from '../../slot.ts';
import type { BarAccess, FunctionServices } from '../function-driver.ts';
import type { DmaBuffer, GuestPlatform } from '../guest-platform.ts';
import type { GuestThreads, Steps } from '../guest-threads.ts';
import type { BusInterface } from './bus-interface.ts';
import type { AssignedResources } from './irp.ts';

/** What a function's driver works through, made of the bus's interface and of the resources that its start packet named. */
export class FunctionStack implements FunctionServices {
  readonly name: string;
  readonly identity: FunctionIdentity;
  /** Of the latest start. */
  resources: AssignedResources;
  readonly #bus: BusInterface;
  readonly #platform: GuestPlatform;

  constructor(
    slot: Slot,
    identity: FunctionIdentity,
    resources: AssignedResources,
    bus: BusInterface,
    platform: GuestPlatform,
  ) {
    this.name = formatSlot(slot);
    this.identity = identity;
    this.resources = resources;
    this.#bus = bus;
    this.#platform = platform;
  }

  get threads(): GuestThreads {
    return this.#platform.threads;
  }

  readConfig(offset: number, sizeBytes: number): number {
    return this.#bus.getBusData(offset, sizeBytes);
  }

  writeConfig(offset: number, sizeBytes: number, value: number): void {
    this.#bus.setBusData(offset, sizeBytes, value);
  }

  /** The place is looked up at each access: a rebalance moves BARs under a driver that goes on afterwards. */
  bar(index: number): BarAccess | undefined {
    const place = () => this.resources.bars.find((bar) => bar.index === index);
    const first = place();
    if (first === undefined) return undefined;
    return {
      sizeBytes: first.sizeBytes,
      read: (offset, bytes) => this.#platform.readMmio((place() ?? first).gpa + offset, bytes),
      write: (offset, bytes, value) => this.#platform.writeMmio((place() ?? first).gpa + offset, bytes, value),
    };
  }

  setBusMaster(enabled: boolean): void {
    const before = this.readConfig(HeaderRegister.command, 2);
    const after = enabled ? before | CommandBit.busMaster : before & ~CommandBit.busMaster;
    if (after !== before) this.writeConfig(HeaderRegister.command, 2, after);
  }

  allocateDma(sizeBytes: number): DmaBuffer {
    return this.#bus.allocateCommonBuffer(sizeBytes);
  }

  freeDma(buffer: DmaBuffer): void {
    this.#bus.freeCommonBuffer(buffer);
  }

  /** They came with the resources. */
  *allocateVectors(most: number): Steps<number> {
    yield* [];
    return Math.min(most, this.#bus.messageCount());
  }

  connectVector(index: number, handler: () => void): Steps<boolean> {
    return this.#bus.connectMessage(index, handler);
  }

  *freeVectors(): Steps<void> {
    for (let index = 0; index < this.resources.messages.length; index += 1) yield* this.#bus.disconnectMessage(index);
  }

  log(text: string): void {
    this.#platform.log(`${this.name}: ${text}`);
  }
}
