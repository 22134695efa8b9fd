import { headerMultiFunction, HeaderRegister } from '../../../../pci/index.ts';
import { type Slot, slotOf } from '../../../slot.ts';
import { DriverFailure, type FunctionDriver, type RunningFunction } from '../../function-driver.ts';
import type { GuestPlatform } from '../../guest-platform.ts';
import type { Steps } from '../../guest-threads.ts';
import { BarPlaces } from './bar-placement.ts';
import type { HostBridge } from './host-bridge.ts';
import { captureConfig, endpointIdentity, PciDevice } from './pci-device.ts';

interface Bound {
  readonly device: PciDevice;
  driver: FunctionDriver | undefined;
  running: RunningFunction | undefined;
}

/**
 * A generic PCI core below one host bridge: it scans by configuration space, places BARs, walks capabilities and binds
 * drivers, and knows nothing of where the bridge's functions come from. Callers hold the lock over bus changes.
 */
export class PciCore {
  readonly #bridge: HostBridge;
  readonly #platform: GuestPlatform;
  readonly #drivers: readonly FunctionDriver[];
  readonly #places: BarPlaces;
  readonly #bound = new Map<Slot, Bound>();

  constructor(bridge: HostBridge, platform: GuestPlatform, drivers: readonly FunctionDriver[]) {
    this.#bridge = bridge;
    this.#platform = platform;
    this.#drivers = drivers;
    this.#places = new BarPlaces(bridge);
  }

  get devices(): readonly PciDevice[] {
    return [...this.#bound.values()].map(({ device }) => device);
  }

  /** Devices that have a driver, which runs. */
  get driven(): readonly PciDevice[] {
    return [...this.#bound.values()].flatMap(({ device, running }) => (running === undefined ? [] : [device]));
  }

  /** What a driver's `start` returned for the function in `slot`. */
  running(slot: Slot): RunningFunction | undefined {
    return this.#bound.get(slot)?.running;
  }

  /** Looks at every device number, and at functions 1 to 7 where function 0 says that there are some. Returns the new ones. */
  scan(): PciDevice[] {
    const found: PciDevice[] = [];
    for (let device = 0; device < 32; device += 1) {
      const first = this.#look(slotOf(device, 0), found);
      if (!first) continue;
      const headerType = this.#bridge.readConfig(slotOf(device, 0), HeaderRegister.headerType, 1);
      if ((headerType & headerMultiFunction) === 0) continue;
      for (let pciFunction = 1; pciFunction < 8; pciFunction += 1) this.#look(slotOf(device, pciFunction), found);
    }
    return found;
  }

  /** Starts a driver for each device that has none; a device whose driver gives up stays without. */
  *addDevices(): Steps<void> {
    for (const bound of this.#bound.values()) {
      if (bound.running !== undefined) continue;
      const driver = this.#drivers.find((candidate) => candidate.matches(bound.device.identity));
      if (driver === undefined) continue;
      bound.device.enable();
      try {
        bound.running = yield* driver.start(bound.device);
        bound.driver = driver;
      } catch (error) {
        if (!(error instanceof DriverFailure)) throw error;
        this.#platform.log(`${bound.device.name}: ${driver.name}: ${error.message}`);
      }
    }
  }

  /** Stops the driver and forgets the device. Unknown slots are none of its business. */
  *remove(slot: Slot): Steps<void> {
    const bound = this.#bound.get(slot);
    if (bound === undefined) return;
    this.#bound.delete(slot);
    // Whether it still answers is for its driver to find out: the core isn't told, and its ids come out of a description.
    if (bound.running !== undefined) yield* bound.running.stop('orderly');
    for (const { gpa } of bound.device.bars) if (gpa !== undefined) this.#places.give(gpa);
  }

  *removeAll(): Steps<void> {
    for (const slot of [...this.#bound.keys()]) yield* this.remove(slot);
  }

  /** Drivers quiet, devices as they are. */
  *suspend(): Steps<void> {
    for (const { running } of this.#bound.values()) if (running !== undefined) yield* running.suspend();
  }

  /** The bus is back in its first state: BARs, interrupts and drivers again. */
  *resume(): Steps<void> {
    for (const bound of this.#bound.values()) {
      bound.device.writeBars();
      bound.device.enable();
      yield* bound.device.vectors.recreate();
      if (bound.running === undefined) continue;
      try {
        yield* bound.running.resume();
      } catch (error) {
        if (!(error instanceof DriverFailure)) throw error;
        this.#platform.log(`${bound.device.name}: ${bound.driver?.name ?? ''}: ${error.message}`);
        bound.running = undefined;
      }
    }
  }

  /** Whether something answers in `slot`; an endpoint that is new is remembered and added to `found`. */
  #look(slot: Slot, found: PciDevice[]): boolean {
    if (this.#bound.has(slot)) return true;
    const config = captureConfig(this.#bridge, slot);
    if (config === undefined) return false;
    const identity = endpointIdentity(config);
    if (identity !== undefined) {
      const device = new PciDevice(this.#bridge, this.#platform, slot, identity, config, this.#places);
      this.#bound.set(slot, { device, driver: undefined, running: undefined });
      found.push(device);
    }
    return true;
  }
}
