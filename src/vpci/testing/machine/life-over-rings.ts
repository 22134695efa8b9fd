import { EventFd } from '../../../linux/index.ts';
import type { GuestChannel, Offer } from '../../../vmbus/index.ts';
import type { VmbusTestbench } from '../../../vmbus/testing/index.ts';
import { LinuxBus } from '../../front-ends/linux/index.ts';
import { NvmeDriver } from '../../front-ends/nvme/index.ts';
import { PnpManager } from '../../front-ends/windows/index.ts';
import { VPCI_INTERFACE_ID } from '../../instance-id.ts';
import type { VpciVersion } from '../../wire/version.ts';
import { INSTANCE_ID } from '../fixture.ts';
import { lentNvme } from './lend-nvme.ts';
import { ModelMachine } from './model-machine.ts';
import type { GuestKind } from './world.ts';

/** Longer than anything takes that doesn't wait in vain. */
const A_WHILE_MS = 100;

/** A front end's whole life with an NVMe controller, over a VMBus server and rings in guest memory. Each step ends at rest. */
export class LifeOverRings {
  readonly machine: ModelMachine;
  readonly driver = new NvmeDriver();
  /** How often the guest has let go of the offer. */
  released = 0;
  readonly #bench: VmbusTestbench;
  readonly #offer: Offer;
  readonly #guest: LinuxBus | PnpManager;
  #channel: GuestChannel | undefined;

  constructor(kind: GuestKind, bench: VmbusTestbench, maxVersion?: VpciVersion) {
    this.machine = new ModelMachine({
      functions: [lentNvme()],
      makeEvent: () => EventFd.create(),
      ...(maxVersion === undefined ? {} : { provider: { maxVersion } }),
    });
    this.#bench = bench;
    this.#offer = bench.server.offer({
      interfaceId: VPCI_INTERFACE_ID,
      instanceId: INSTANCE_ID,
      device: this.machine.provider,
      name: 'model-nvme',
    });
    const common = {
      platform: this.machine,
      drivers: [this.driver],
      open: () => (this.#channel = bench.guest.open(this.#offer.relid)),
      onReleased: () => void (this.released += 1),
    };
    this.#guest =
      kind === 'linux-style' ? new LinuxBus({ ...common, instanceId: INSTANCE_ID }) : new PnpManager(common);
  }

  /** The guest's end of the channel, which it has opened. */
  get channel(): GuestChannel {
    if (this.#channel === undefined) throw new Error('the guest has not opened the channel');
    return this.#channel;
  }

  /** The guest connects, and its driver takes the function. */
  start(): void {
    this.#bench.guest.connect();
    this.#bench.guest.requestOffers();
    if (this.#guest instanceof LinuxBus) this.#guest.bind();
    else this.#guest.start();
    this.machine.threads.advance(A_WHILE_MS);
  }

  /** Verified I/O. Gives how many bytes were compared. */
  verify(rounds: number): number {
    const [controller] = this.driver.controllers;
    if (controller === undefined) throw new Error(`no controller runs: ${this.machine.logged.join('; ')}`);
    let compared = 0;
    this.machine.threads.spawn(
      'I/O',
      (function* () {
        for (let seed = 0; seed < rounds; seed += 1) compared += yield* controller.verify(seed * 64, 64, seed);
      })(),
    );
    return compared;
  }

  /** The guest is asked for the function, and lets go of it. */
  eject(): void {
    this.machine.provider.eject();
    this.#bench.settle();
    this.machine.threads.advance(A_WHILE_MS);
    this.#bench.settle();
  }

  rescind(): void {
    this.#guest.rescinded();
    this.#offer.rescind();
    this.#bench.settle();
    this.machine.threads.advance(10 * A_WHILE_MS);
  }
}
