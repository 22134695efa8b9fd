import assert from 'node:assert/strict';
import { FakeCapability, type FakeFunction } from '../../functions/testing/index.ts';
import type { GuestChannel } from '../../vmbus/index.ts';
import { encodeRequest, LinuxStyleDriver, WINDOW_GPA } from '../../vpci/testing/index.ts';
import type { Assignment } from '../assignment/assignment.ts';
import { Assignments } from '../assignment/assignments.ts';
import { DeviceBench } from './device-bench.ts';

export const WINDOW = Number(WINDOW_GPA);
export const CONFIG = WINDOW + 0x1000;
export const BAR = 0xe100_0000;
/** Where a FakeFunction's MSI-X table is in BAR 0. */
export const MSIX_TABLE = BAR + 0x2000;

const COMMAND = 0x04;
const BAR_0 = 0x10;
const MEMORY_AND_MASTER = 0x6;

/** A machine that lends functions to a guest with a driver, and what it was told of them. */
export class LendingBench extends DeviceBench {
  readonly events: string[] = [];
  /** How often the guest stood still, and whether it does. */
  readonly rests = { count: 0, now: false };
  readonly assignments = new Assignments(
    this.services,
    {
      releaseRequested: ({ function: { name } }) => void this.events.push(`${name}: release requested`),
      failed: ({ function: { name } }, reason) => void this.events.push(`${name}: failed: ${reason}`),
    },
    {
      standStill: () => void Object.assign(this.rests, { count: this.rests.count + 1, now: true }),
      goOn: () => void (this.rests.now = false),
    },
  );

  /** The guest's VMBus driver starts. */
  connect(): void {
    this.vmbus.guest.connect();
    this.vmbus.guest.requestOffers();
  }

  lend(pciFunction: FakeFunction = this.function(), serial = 1): Assignment {
    const assignment = this.assignments.lend(pciFunction, serial);
    this.vmbus.settle();
    return assignment;
  }

  /** The guest's driver takes the function that was offered last, as hv_pci_probe does. */
  probe(windowGpa = WINDOW_GPA): LentFunction {
    const offer = [...this.vmbus.guest.offers.values()].at(-1);
    assert.ok(offer, 'nothing was offered');
    const driver = new LinuxStyleDriver(this.vmbus.guest.open(offer.relid));
    const { version } = driver.probe(undefined, windowGpa);
    return new LentFunction(this, driver, version);
  }
}

type Driver = LinuxStyleDriver<GuestChannel>;

/** A function as the guest's drivers see it. */
export class LentFunction {
  readonly driver: Driver;
  readonly version: Parameters<Driver['createInterrupt']>[0];
  readonly #bench: LendingBench;

  constructor(bench: LendingBench, driver: Driver, version: Parameters<Driver['createInterrupt']>[0]) {
    this.#bench = bench;
    this.driver = driver;
    this.version = version;
  }

  /** Places BAR 0 and turns memory decoding and bus mastering on. */
  enable(gpa: number = BAR): void {
    this.#bench.write(CONFIG + BAR_0, 4, BigInt(gpa % 2 ** 32));
    this.#bench.write(CONFIG + BAR_0 + 4, 4, BigInt(Math.floor(gpa / 2 ** 32)));
    this.#bench.write(CONFIG + COMMAND, 2, BigInt(MEMORY_AND_MASTER));
  }

  /** Asks for an interrupt and programs it into MSI-X vector `vector`, unmasked. Returns its token. */
  useVector(vector: number, target: { readonly vector: number; readonly vps: readonly number[] }) {
    const token = this.driver.createInterrupt(this.version, 0, target);
    const entry = MSIX_TABLE + 16 * vector;
    this.#bench.write(entry, 4, token.address & 0xffff_ffffn);
    this.#bench.write(entry + 4, 4, token.address >> 32n);
    this.#bench.write(entry + 8, 4, BigInt(token.data));
    this.#bench.write(entry + 12, 4, 0n);
    this.#bench.write(CONFIG + FakeCapability.msix + 2, 2, 0x8000n);
    return token;
  }

  mask(vector: number, masked: boolean): void {
    this.#bench.write(MSIX_TABLE + 16 * vector + 12, 4, masked ? 1n : 0n);
  }

  /** The driver has let go, as hv_eject_device_work says. */
  letGo(): void {
    this.driver.tell(encodeRequest('EJECTION_COMPLETE', { slot: 0 }));
  }

  /** Whether the host has asked for the function. */
  get asked(): boolean {
    return this.driver.told.some(({ kind }) => kind === 'eject');
  }
}
