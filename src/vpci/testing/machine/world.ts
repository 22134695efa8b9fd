import { EventFd } from '../../../linux/index.ts';
import { MemoryChannel } from '../../../vmbus/index.ts';
import { LinuxBus, type LinuxBusOptions } from '../../front-ends/linux/index.ts';
import type { FunctionDriver } from '../../front-ends/function-driver.ts';
import { NvmeDriver } from '../../front-ends/nvme/index.ts';
import { PnpManager, type PnpManagerOptions } from '../../front-ends/windows/index.ts';
import type { VpciVersion } from '../../wire/version.ts';
import { FaultyHost, type HostFault } from '../faulty-host.ts';
import { INSTANCE_ID } from '../fixture.ts';
import { type LentNvme, lentNvme } from './lend-nvme.ts';
import { type ModelEvent, type ModelFunction, ModelMachine } from './model-machine.ts';

export type GuestKind = 'linux-style' | 'windows-style';

/** A front end, whichever, as tests of both use it. */
export interface ModelGuest {
  /** The offer is there. */
  start(): void;
  /** The guest lets go of the bus by itself. */
  leave(): void;
  /** Its functions at rest, and back at work. */
  sleep(): void;
  wake(): void;
  /** Resources anew for every function, or (`veto`) only the question; where the guest can. */
  rebalance?(veto?: boolean): void;
  rescinded(): void;
  /** How many functions have a driver that runs. */
  readonly driven: number;
  /** Whether it holds the bus at all. */
  readonly holdsBus: boolean;
  readonly version: number | undefined;
  readonly ignoredPackets: number;
  snapshot(): unknown;
}

export interface WorldOptions {
  readonly kind: GuestKind;
  readonly functions?: readonly ModelFunction[];
  readonly faults?: readonly HostFault[];
  readonly maxVersion?: VpciVersion;
  readonly makeEvent?: () => ModelEvent;
  /** In place of an NVMe driver. */
  readonly driver?: FunctionDriver;
  readonly linux?: Partial<LinuxBusOptions>;
  readonly windows?: Partial<PnpManagerOptions>;
}

/** Longer than every time-out there is. */
const A_LONG_TIME_MS = 60_000;

/** One bus with its host and its guest: a provider, perhaps with faults, a front end and a driver over it. */
export class World {
  readonly machine: ModelMachine;
  readonly host: FaultyHost;
  readonly channel: MemoryChannel;
  readonly guest: ModelGuest;
  readonly nvme = new NvmeDriver();
  readonly lent: LentNvme;
  /** Whether the guest has let go of the rescinded offer. */
  released = false;

  constructor(options: WorldOptions) {
    this.lent = lentNvme();
    const { maxVersion, makeEvent = () => EventFd.create() } = options;
    this.machine = new ModelMachine({
      functions: options.functions ?? [this.lent],
      makeEvent,
      provider: maxVersion === undefined ? {} : { maxVersion },
    });
    this.host = new FaultyHost(this.machine.provider, options.faults ?? [], {
      after: (delayMs, work) => this.machine.threads.spawn('host', later(delayMs, work)),
      haunt: (packet) => {
        const transactionId = packet.kind === 'completion' ? packet.transactionId : 0n;
        this.channel.onPacket({ kind: packet.kind, transactionId, payload: packet.payload });
      },
      eject: () => void this.machine.provider.eject(),
      rescind: (surprise = false) => this.rescind(surprise),
      yankBars: (yanked) => {
        this.machine.barsYanked = yanked;
      },
      answerRetargets: (status) => {
        this.machine.retargetAnswer = status;
      },
    });
    this.channel = new MemoryChannel(this.host);
    this.guest = this.#guest(options);
  }

  /** The offer is there, and everything happens that happens by itself. */
  start(): this {
    this.guest.start();
    this.pass(A_LONG_TIME_MS);
    return this;
  }

  /** Lets `durationMs` of the guest's time pass. */
  pass(durationMs = A_LONG_TIME_MS): void {
    this.machine.threads.advance(durationMs);
  }

  /** The host takes the offer back. `surprise`: the function is gone already. */
  rescind(surprise = false): void {
    if (surprise) {
      this.machine.provider.surpriseRemoved();
      for (const { slot } of this.machine.provider.snapshot().functions) this.machine.takeBack(slot);
    }
    this.channel.close('the offer was rescinded');
    this.guest.rescinded();
  }

  /** Verified I/O on the controller that runs: how many bytes were compared, or why it failed. */
  verify(seed: number): number | string {
    let outcome: number | string = 'unfinished';
    const [controller] = this.nvme.controllers;
    if (controller === undefined) return 'no controller runs';
    this.machine.threads.spawn(
      'I/O',
      (function* () {
        try {
          outcome = yield* controller.verify(8 * seed, 1 + (seed % 40), seed);
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          outcome = error.message;
        }
      })(),
    );
    this.pass(10_000);
    return outcome;
  }

  /** What the guest has taken of its machine and not given back: empty when all is well. */
  get leaks(): string {
    const { ranges, buffers, vectors } = this.machine.hardware.taken;
    const parts = [
      ranges > 0 ? `${ranges} ranges` : '',
      buffers > 0 ? `${buffers} buffers` : '',
      vectors > 0 ? `${vectors} vectors` : '',
      ...this.machine.threads.snapshot(),
    ];
    return parts.filter((part) => part !== '').join(', ');
  }

  #guest({ kind, driver, linux, windows }: WorldOptions): ModelGuest {
    const common = {
      platform: this.machine,
      drivers: [driver ?? this.nvme],
      open: () => {
        this.channel.open();
        return this.channel;
      },
      onReleased: () => {
        this.released = true;
        this.host.released();
      },
    };
    return kind === 'linux-style'
      ? linuxGuest(new LinuxBus({ ...common, instanceId: INSTANCE_ID, ...linux }))
      : windowsGuest(new PnpManager({ ...common, ...windows }));
  }
}

function* later(delayMs: number, work: () => void) {
  yield { label: 'host', ready: () => false, timeoutMs: delayMs };
  work();
}

function linuxGuest(bus: LinuxBus): ModelGuest {
  return {
    start: () => bus.bind(),
    leave: () => bus.unbind(),
    sleep: () => bus.suspend(),
    wake: () => bus.resume(),
    rescinded: () => bus.rescinded(),
    snapshot: () => bus.snapshot(),
    get driven() {
      return bus.core?.driven.length ?? 0;
    },
    get holdsBus() {
      return bus.state !== 'unbound';
    },
    get version() {
      return bus.version;
    },
    get ignoredPackets() {
      return bus.ignoredPackets;
    },
  };
}

function windowsGuest(manager: PnpManager): ModelGuest {
  return {
    start: () => manager.start(),
    leave: () => manager.remove(),
    sleep: () => manager.sleep(),
    wake: () => undefined,
    rebalance: (veto) => manager.rebalance(veto),
    rescinded: () => manager.rescinded(),
    snapshot: () => manager.snapshot(),
    get driven() {
      return manager.driven.length;
    },
    get holdsBus() {
      return manager.started;
    },
    get version() {
      return manager.bus.version;
    },
    get ignoredPackets() {
      return manager.bus.ignoredPackets;
    },
  };
}
