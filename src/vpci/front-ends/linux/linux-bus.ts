import type { ClientChannel, Guid } from '../../../vmbus/index.ts';
import { domainOf } from '../../instance-id.ts';
import type { Slot } from '../../slot.ts';
import { encodeRequest } from '../../wire/encode-guest.ts';
import type { VpciVersion } from '../../wire/version.ts';
import type { FunctionDriver } from '../function-driver.ts';
import type { GuestPlatform } from '../guest-platform.ts';
import { Mutex, type Steps } from '../guest-threads.ts';
import { HostLink } from '../host-link.ts';
import { ChildTracker } from './child-tracker.ts';
import { type Child, windowAlignment } from './children.ts';
import { CONFIG_WINDOW_BYTES, ConfigAccess } from './config-access.ts';
import { allocateResources, D0_EXIT_TIMEOUT_MS, enterD0, LINUX_VERSIONS, negotiate } from './handshake.ts';
import { PciDomains } from './pci-domains.ts';
import { HyperVMsiDomain } from './msi-domain.ts';
import { type BarWindow, PciCore } from './pci-core/index.ts';
import { ProbeFailure, type ProbeFailureCode } from './probe-failure.ts';

export interface LinuxBusOptions {
  readonly platform: GuestPlatform;
  /** What the bus was offered under. */
  readonly instanceId: Guid;
  /** Opens the offer's channel; undefined: the host doesn't open it. */
  readonly open: () => ClientChannel | undefined;
  readonly drivers: readonly FunctionDriver[];
  /** In the order in which they are asked for; 1.4, 1.3, 1.2, 1.1 by default. */
  readonly versions?: readonly VpciVersion[];
  /** The domain numbers of the guest's buses, shared by them; a bus by itself needs none. */
  readonly domains?: PciDomains;
  /** How many NUMA nodes the guest has; 1 by default. */
  readonly numaNodes?: number;
  /** The guest has let go of an offer that was rescinded. */
  readonly onReleased?: () => void;
}

/**
 * `unbound`: no channel. `init`: it is open and being probed. `probed`: in D0, with resources, not scanned yet. `installed`: its
 * functions have drivers. `suspended`: its functions are at rest, and the channel is closed. `removing`: it is being left.
 */
export type LinuxBusState = 'unbound' | 'init' | 'probed' | 'installed' | 'suspended' | 'removing';

/**
 * A vPCI bus as Linux's in-box driver runs it: low-level functions for a generic PCI core, which knows nothing of the host.
 * Everything happens on the platform's threads; calls that begin something return when it has to wait.
 */
export class LinuxBus {
  readonly #options: LinuxBusOptions;
  readonly #platform: GuestPlatform;
  readonly #link: HostLink;
  readonly #tracker: ChildTracker;
  readonly #domains: PciDomains;
  /** One of bind, unbind, suspend and resume at a time: the kernel's lock on the device. */
  readonly #device = new Mutex('device');
  /** The PCI core's lock over changes of a bus. */
  readonly #rescan = new Mutex('rescan');
  #state: LinuxBusState = 'unbound';
  #version: VpciVersion | undefined;
  /** Ranges taken: the config window, and those for BARs. */
  #ranges: number[] = [];
  #core: PciCore | undefined;
  #domain: number | undefined;
  #rescinded = false;
  #failure: ProbeFailureCode | undefined;

  constructor(options: LinuxBusOptions) {
    this.#options = options;
    this.#platform = options.platform;
    this.#domains = options.domains ?? new PciDomains();
    this.#link = new HostLink(
      (message) => this.#tracker.told(message),
      () => this.#platform.threads.run(),
    );
    this.#tracker = new ChildTracker({
      platform: options.platform,
      link: this.#link,
      numaNodes: options.numaNodes ?? 1,
      isInstalled: () => this.#state === 'installed',
      removeDevice: (slot) => this.#withCore((core) => core.remove(slot)),
      // No driver is bound to what comes so late: only offers bring devices.
      rescan: () => this.#withCore((core) => scanOnly(core)),
    });
  }

  get state(): LinuxBusState {
    return this.#state;
  }

  /** Why the last probe or resume failed. */
  get failure(): ProbeFailureCode | undefined {
    return this.#failure;
  }

  /** What was agreed on. */
  get version(): VpciVersion | undefined {
    return this.#version;
  }

  /** The PCI domain under which its functions are shown, while it is bound. */
  get domain(): number | undefined {
    return this.#domain;
  }

  get children(): readonly Child[] {
    return [...this.#tracker.children.values()];
  }

  /** The PCI core over this bus, from the scan on. */
  get core(): PciCore | undefined {
    return this.#core;
  }

  /** Packets of the host's that said nothing and answered nothing. */
  get ignoredPackets(): number {
    return this.#link.ignored;
  }

  /** Everything later behaviour can depend on, save the threads' places and the drivers. */
  snapshot(): unknown {
    const devices = this.#core?.devices.map(({ name, vectors }) => [name, vectors.live]);
    const bus = [this.#state, this.#version, this.#failure, this.#rescinded, this.#ranges];
    const link = [this.#link.ended, this.#link.outstanding];
    const locks = [this.#device.held, this.#rescan.held];
    return [bus, link, locks, this.#tracker.snapshot(), devices, this.#core?.driven.length];
  }

  /** The driver is bound to the offer. */
  bind(): void {
    this.#begin('probe', () => this.#bind());
  }

  /** The driver lets go of the offer, which goes on being there. */
  unbind(): void {
    this.#begin('remove', () => this.#remove());
  }

  suspend(): void {
    this.#begin('suspend', () => this.#suspend());
  }

  resume(): void {
    this.#begin('resume', () => this.#resume());
  }

  /** The host takes the offer back: nothing is sent over its channel any more. */
  rescinded(): void {
    if (this.#rescinded) return;
    this.#rescinded = true;
    this.#link.rescinded();
    this.#begin('rescind', () => this.#remove(), this.#options.onReleased);
  }

  #begin(name: string, steps: () => Steps<void>, then: () => void = () => undefined): void {
    this.#platform.threads.spawn(name, this.#locked(steps, then));
  }

  *#locked(steps: () => Steps<void>, then: () => void): Steps<void> {
    yield* this.#device.acquire();
    yield* steps();
    this.#device.release();
    then();
  }

  *#bind(): Steps<void> {
    if (this.#state !== 'unbound' || this.#rescinded) return;
    this.#failure = undefined;
    this.#state = 'init';
    this.#domain = this.#domains.take(domainOf(this.#options.instanceId));
    try {
      this.#open();
      yield* this.#probe();
    } catch (error) {
      if (!(error instanceof ProbeFailure)) throw error;
      this.#failed(error);
      yield* this.#leave();
    }
  }

  #failed({ code, message }: ProbeFailure): void {
    this.#failure = code;
    this.#platform.log(`probe fails: -${code}: ${message}`);
  }

  #open(): void {
    const channel = this.#options.open();
    if (channel === undefined) throw new ProbeFailure('ENODEV', 'the channel does not open');
    this.#tracker.restart();
    this.#link.opened(channel);
  }

  *#probe(): Steps<void> {
    const link = this.#link;
    const version = yield* negotiate(link, this.#options.versions ?? LINUX_VERSIONS);
    this.#version = version;
    const windowGpa = this.#take(CONFIG_WINDOW_BYTES, 4096, true, 'the config window');
    const room = yield* this.#tracker.query();
    yield* enterD0(link, windowGpa, () => this.#leaveD0());
    const low = this.#barWindow(room.low, true);
    const high = this.#barWindow(room.high, false);
    yield* allocateResources(link, version, this.#tracker.children);
    this.#state = 'probed';

    const platform = this.#platform;
    const config = new ConfigAccess(platform, windowGpa, this.#tracker.children);
    const msi = new HyperVMsiDomain({ platform, link, config, version, instanceId: this.#options.instanceId });
    const bridge = {
      readConfig: (slot: Slot, offset: number, sizeBytes: number) => config.read(slot, offset, sizeBytes),
      writeConfig: (slot: Slot, offset: number, sizeBytes: number, value: number) =>
        config.write(slot, offset, sizeBytes, value),
      msi,
      low,
      high,
    };
    yield* this.#rescan.acquire();
    this.#core = new PciCore(bridge, platform, this.#options.drivers);
    this.#core.scan();
    yield* this.#core.addDevices();
    this.#state = 'installed';
    this.#rescan.release();
  }

  #barWindow(sizeBytes: number, below4GiB: boolean): BarWindow | undefined {
    if (sizeBytes === 0) return undefined;
    const what = `0x${sizeBytes.toString(16)} bytes of BARs`;
    return { gpa: this.#take(sizeBytes, Math.max(4096, windowAlignment(sizeBytes)), below4GiB, what), sizeBytes };
  }

  #take(sizeBytes: number, alignBytes: number, below4GiB: boolean, what: string): number {
    const gpa = this.#platform.allocateMmio({ sizeBytes, alignBytes, below4GiB });
    if (gpa === undefined)
      throw new ProbeFailure('ENOMEM', `no room ${below4GiB ? 'below' : 'above'} 4 GiB for ${what}`);
    this.#ranges.push(gpa);
    return gpa;
  }

  *#withCore(work: (core: PciCore) => Steps<void>): Steps<void> {
    yield* this.#rescan.acquire();
    if (this.#core !== undefined) yield* work(this.#core);
    this.#rescan.release();
  }

  *#remove(): Steps<void> {
    const opened = this.#state !== 'unbound';
    this.#state = opened ? 'removing' : 'unbound';
    if (!opened) return;
    yield* this.#tracker.stop();
    yield* this.#withCore((core) => core.removeAll());
    // None is known any more when the bus is left, so none is released: the host drops all with D0.
    this.#tracker.children.clear();
    yield* this.#leaveD0();
    yield* this.#leave();
  }

  *#suspend(): Steps<void> {
    if (this.#state !== 'installed') return;
    yield* this.#withCore((core) => core.suspend());
    this.#state = 'suspended';
    yield* this.#tracker.stop();
    yield* this.#leaveD0();
    this.#link.close();
  }

  /** Only the version that was settled before will do, and everything is where it was. */
  *#resume(): Steps<void> {
    const [windowGpa] = this.#ranges;
    if (this.#state !== 'suspended' || this.#version === undefined || windowGpa === undefined || this.#rescinded)
      return;
    this.#failure = undefined;
    try {
      this.#open();
      yield* negotiate(this.#link, [this.#version]);
      yield* this.#tracker.query();
      yield* enterD0(this.#link, windowGpa, () => this.#leaveD0());
      yield* allocateResources(this.#link, this.#version, this.#tracker.children);
    } catch (error) {
      if (!(error instanceof ProbeFailure)) throw error;
      this.#failed(error);
      // Closed first, as Linux does: a bus that didn't come back has nothing to be told.
      this.#link.close();
      yield* this.#remove();
      return;
    }
    yield* this.#withCore((core) => core.resume());
    this.#state = 'installed';
  }

  /** Functions that are known still are released, then the bus goes off. Nothing is said after a rescind. */
  *#leaveD0(): Steps<void> {
    if (this.#link.ended) return;
    this.#tracker.releaseAll();
    yield* this.#link.request('D0 exit', encodeRequest('BUS_D0EXIT', {}), D0_EXIT_TIMEOUT_MS);
  }

  /** Gives back everything of the guest's own. */
  *#leave(): Steps<void> {
    this.#link.close();
    yield* this.#tracker.stop();
    this.#tracker.children.clear();
    for (const gpa of this.#ranges) this.#platform.freeMmio(gpa);
    this.#ranges = [];
    if (this.#domain !== undefined) this.#domains.give(this.#domain);
    this.#domain = undefined;
    this.#core = undefined;
    this.#version = undefined;
    this.#state = 'unbound';
  }
}

function* scanOnly(core: PciCore): Steps<void> {
  yield* [];
  core.scan();
}
