import {
  type FunctionBorrower,
  FunctionUnusableError,
  type MsiMessage,
  PolicedFunction,
} from '../../src/functions/index.ts';
import { compileConfigLayout, type ConfigLayout } from '../../src/functions/config-layout.ts';
import type { FakeBar } from '../../src/functions/testing/fake-backend.ts';
import { extendedCapabilities, standardCapabilities } from '../../src/pci/index.ts';
import { CheckedBackend } from '../doubles/checked-backend.ts';
import { PagePool } from '../doubles/page-pool.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import type { Run, Target } from '../engine/target.ts';
import { BARS, COMMAND, FIRST_CHANGEABLE, offsetOf, registersOf, VALUES } from './config-registers.ts';

const BUS_MASTER = 4;
const ALL_ONES = (1n << 64n) - 1n;
const REFUSAL = 'The device refuses.';

const pool = new PagePool();

/** A function under the policy, with a guest that writes what it likes and a device that says what it likes. */
export const config: Target = {
  name: 'config',
  title:
    'configuration space and BAR accesses, MSI and MSI-X emulation, with a device whose registers may say anything',
  setupBytes: 40,
  operationBytes: 32,
  mostOperations: 100,
  workLimit: 3000,
  mostBetweenLooks: 30_000,
  begin: (setup, probe) => {
    pool.renew();
    return new ConfigRun(setup, probe);
  },
};

class ConfigRun implements Run, FunctionBorrower {
  readonly #probe: Probe;
  readonly #bars: readonly FakeBar[];
  /** The function's registers after a reset: the device's own, so it may change them. */
  readonly #registers: Uint8Array;
  readonly #backend: CheckedBackend;
  readonly #function: PolicedFunction | undefined;
  readonly #messages = new Map<number, MsiMessage>();
  readonly #eventFds = new Map<number, number>();
  #layout: ConfigLayout | undefined;
  #failures = 0;
  #memory = false;

  constructor(setup: Choices, probe: Probe) {
    this.#probe = probe;
    this.#bars = BARS[setup.below(BARS.length)] ?? [];
    this.#registers = registersOf(setup, this.#bars);
    this.#backend = new CheckedBackend(
      {
        name: 'fuzzed',
        numaNode: undefined,
        bars: this.#bars,
        config: this.#registers,
        nothingBesideMsix: setup.chance(128),
        allocate: pool.allocate,
      },
      probe,
    );
    this.#function = this.#open();
    this.#attach();
    if (setup.chance(160)) this.#start();
  }

  operate(choices: Choices): void {
    const fn = this.#function;
    if (fn === undefined) return;
    this.#backend.log.length = 0;
    switch (choices.below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        this.#writeConfig(fn, choices);
        break;
      case 4:
        this.#readConfig(fn, choices);
        break;
      case 5:
      case 6:
      case 7:
        this.#writeBar(fn, choices);
        break;
      case 8:
        this.#readBar(fn, choices);
        break;
      case 9:
        this.#connect(fn, choices);
        break;
      case 10:
        this.#borrow(fn, choices);
        break;
      default:
        this.#deviceActs(choices);
    }
    // A reset shows the guest what the function's registers say then.
    if (this.#backend.log.includes('reset') && this.#failures === 0) this.#learnLayout();
    this.#check(fn, choices);
  }

  finish(): void {
    const fn = this.#function;
    if (fn === undefined) return;
    this.#checkImage(fn);
    fn.close();
    fn.close();
    this.#probe.check(this.#backend.closed, 'the function is not closed');
    this.#probe.check(fn.readConfig(0, 4) === 0xffff_ffff, 'a closed function answers');
  }

  // FunctionBorrower

  barMoved(barIndex: number, gpa: number | undefined): void {
    this.#probe.step();
    const bar = this.#function?.bars.find(({ index }) => index === barIndex);
    if (bar === undefined) return this.#probe.fail(`BAR ${barIndex} was moved, which there is not`);
    if (gpa === undefined) return;
    const fits = gpa > 0 && gpa % bar.sizeBytes === 0 && gpa + bar.sizeBytes <= 2 ** 52;
    this.#probe.check(fits, () => `BAR ${barIndex} of ${bar.sizeBytes} bytes came to lie at ${gpa}`);
    this.#probe.note(1, barIndex);
  }

  imageAccessChanged(): void {
    this.#probe.step();
  }

  doorbellsChanged(): void {
    this.#probe.step();
  }

  messageChanged(vector: number, message: MsiMessage | undefined): void {
    this.#probe.step();
    const { msi, msix } = this.#function?.vectors ?? { msi: 0, msix: 0 };
    this.#probe.check(vector >= 0 && vector < Math.max(msi, msix, 1), () => `a message for vector ${vector}`);
    const old = this.#messages.get(vector);
    this.#probe.check(
      old?.address !== message?.address || old?.data !== message?.data,
      'a message was told that is no news',
    );
    if (message === undefined) this.#messages.delete(vector);
    else this.#messages.set(vector, message);
  }

  releaseRequested(): void {
    this.#probe.step();
  }

  failed(): void {
    this.#failures += 1;
    this.#probe.check(this.#failures <= 2, 'a function told of its failure more than once');
  }

  #open(): PolicedFunction | undefined {
    try {
      return new PolicedFunction(this.#backend, pool.allocate);
    } catch (error) {
      if (!(error instanceof FunctionUnusableError)) throw error;
      this.#probe.check(this.#backend.closed, 'a function that can not be used was left open');
      return undefined;
    }
  }

  #attach(): void {
    try {
      this.#function?.attach(this);
      this.#failures = 0;
      this.#memory = false;
      if (this.#function !== undefined) this.#learnLayout();
    } catch (error) {
      // The device turned into something else, or refused to be reset: it is not lent.
      if (!(error instanceof FunctionUnusableError) && !isRefusal(error)) throw error;
      this.#failures = 2;
    }
  }

  /** As a driver does: memory on, a few vectors with a message and a descriptor each, interrupts on. */
  #start(): void {
    const fn = this.#function;
    const { msix, msi } = this.#layout ?? {};
    if (fn === undefined) return;
    fn.writeConfig(0x10, 4, 0x8000_0000);
    fn.writeConfig(COMMAND, 2, 6);
    const count = Math.min(4, msix?.vectorCount ?? msi?.vectorCount ?? 0);
    for (let vector = 0; vector < count; vector += 1) {
      fn.connectVector(vector, 100 + vector);
      this.#eventFds.set(vector, 100 + vector);
      if (msix === undefined) continue;
      const entry = msix.table.offsetBytes + 16 * vector;
      fn.writeBar(msix.table.barIndex, entry, 8, 0xfee0_0000n);
      fn.writeBar(msix.table.barIndex, entry + 8, 8, BigInt(0x40 + vector));
    }
    if (msix !== undefined) fn.writeConfig(msix.offset + 2, 2, 0x8000);
    else if (msi !== undefined) fn.writeConfig(msi.offset + 2, 2, 0x21);
  }

  #learnLayout(): void {
    const { bars } = this.#function ?? { bars: [] };
    this.#layout = compileConfigLayout(Uint8Array.from(this.#registers), bars);
    const { msix } = this.#layout;
    for (const part of msix === undefined ? [] : [msix.table, msix.pendingBits]) {
      const bar = bars.find(({ index }) => index === part.barIndex);
      const lies = bar !== undefined && part.offsetBytes + part.sizeBytes <= bar.sizeBytes;
      this.#probe.check(lies, () => `MSI-X of BAR ${part.barIndex} ends behind it`);
    }
    this.#backend.forbidden = msix === undefined ? [] : [msix.table, msix.pendingBits];
  }

  #writeConfig(fn: PolicedFunction, choices: Choices): void {
    const sizeBytes = choices.chance(12) ? choices.below(9) : choices.pick([4, 2, 1] as const);
    const offset = offsetOf(choices) + (sizeBytes === 4 ? 0 : choices.below(4));
    fn.writeConfig(offset, sizeBytes, choices.chance(128) ? (choices.pick(VALUES) ?? 0) : choices.word());
  }

  #readConfig(fn: PolicedFunction, choices: Choices): void {
    const sizeBytes = choices.chance(24) ? choices.below(9) : choices.pick([4, 2, 1] as const);
    const offset = choices.chance(12) ? choices.word() : offsetOf(choices) + choices.below(4);
    const value = fn.readConfig(offset, sizeBytes);
    this.#probe.check(
      Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff,
      () => `configuration space reads ${value}`,
    );
    if (sizeBytes !== 4 || offset % 4 !== 0 || offset > 0xffc) return;
    const bytes = [0, 1, 2, 3].map((i) => fn.readConfig(offset + i, 1));
    this.#probe.check(
      Buffer.from(bytes).readUInt32LE(0) === value,
      () => `reads of 4 and of 1 bytes at ${offset} differ`,
    );
  }

  #writeBar(fn: PolicedFunction, choices: Choices): void {
    const { barIndex, offset, sizeBytes } = this.#access(choices);
    fn.writeBar(
      barIndex,
      offset,
      sizeBytes,
      choices.chance(96) ? BigInt(choices.pick([0, 1, 0xfee0_0000] as const)) : choices.long(),
    );
  }

  #readBar(fn: PolicedFunction, choices: Choices): void {
    const { barIndex, offset, sizeBytes } = this.#access(choices);
    const value = fn.readBar(barIndex, offset, sizeBytes);
    this.#probe.check(
      value >= 0n && value <= ALL_ONES >> BigInt(8 * Math.max(0, 8 - Math.max(sizeBytes, 1))),
      () => `a BAR reads ${value}`,
    );
    for (const { index, sizeBytes: barBytes } of fn.bars) {
      const regions = fn.barRegions(index);
      let at = 0;
      for (const region of regions) {
        this.#probe.check(
          region.offsetBytes === at && region.sizeBytes > 0 && region.sizeBytes % 4096 === 0,
          () => `regions of BAR ${index} leave gaps`,
        );
        at += region.sizeBytes;
      }
      this.#probe.check(at === barBytes, () => `regions of BAR ${index} end at ${at} of ${barBytes}`);
      this.#probe.note(2, regions.length);
    }
  }

  #access(choices: Choices): { barIndex: number; offset: number; sizeBytes: number } {
    const table = this.#layout?.msix?.table;
    const part = choices.chance(64) ? this.#layout?.msix?.pendingBits : table;
    const sizeBytes = choices.chance(16) ? choices.below(10) : choices.pick([4, 8, 2, 1] as const);
    if (part !== undefined && choices.chance(170)) {
      const inside = choices.chance(24) ? choices.below(part.sizeBytes + 8) - 4 : 4 * choices.below(64);
      return { barIndex: part.barIndex, offset: Math.max(0, part.offsetBytes + inside), sizeBytes };
    }
    const barIndex = choices.chance(16) ? choices.below(7) : (choices.pick(this.#bars)?.index ?? 0);
    const end = this.#bars.find(({ index }) => index === barIndex)?.sizeBytes ?? 0x4000;
    if (choices.chance(24)) return { barIndex, offset: end - choices.below(8), sizeBytes };
    return { barIndex, offset: choices.chance(24) ? choices.word() : choices.below(0x4008), sizeBytes };
  }

  #connect(fn: PolicedFunction, choices: Choices): void {
    const most = Math.max(fn.vectors.msi, fn.vectors.msix);
    const vector = choices.chance(8) ? choices.word() : choices.below(Math.max(1, most));
    const eventFd = choices.chance(64) ? undefined : 100 + choices.below(8);
    try {
      fn.connectVector(vector, eventFd);
    } catch (error) {
      if (!(error instanceof RangeError) || vector < most) throw error;
      return;
    }
    if (eventFd === undefined) this.#eventFds.delete(vector);
    else this.#eventFds.set(vector, eventFd);
  }

  #borrow(fn: PolicedFunction, choices: Choices): void {
    switch (choices.below(5)) {
      case 0:
        if (!choices.chance(64)) return;
        fn.detach();
        this.#messages.clear();
        this.#eventFds.clear();
        this.#probe.check(this.#backend.connected.size === 0 || this.#failures > 0, 'vectors outlived the loan');
        this.#backend.refuseWith(undefined);
        this.#attach();
        return;
      case 1:
        fn.quiesce();
        return;
      case 2:
        this.#memory = false;
        try {
          fn.detachMemory();
        } catch (error) {
          if (!isRefusal(error)) throw error;
        }
        return;
      default:
        if (this.#memory || this.#failures > 0) return;
        try {
          fn.attachMemory([]);
          this.#memory = true;
        } catch (error) {
          if (!isRefusal(error)) throw error;
        }
    }
  }

  #deviceActs(choices: Choices): void {
    switch (choices.below(5)) {
      case 0:
        this.#registers[choices.chance(16) ? 0 : FIRST_CHANGEABLE + choices.below(0x1f8)] = choices.byte();
        return;
      case 1:
        if (choices.chance(24)) this.#backend.refuseWith(REFUSAL);
        return;
      case 2:
        if (choices.chance(24)) this.#backend.events?.failed('an error of its own');
        return;
      default:
        this.#backend.events?.doorbellsChanged(0);
        this.#backend.events?.releaseRequested();
    }
  }

  #check(fn: PolicedFunction, choices: Choices): void {
    const probe = this.#probe;
    probe.note(3, (Math.min(this.#messages.size, 31) << 2) | (this.#failures & 3));
    if (this.#failures > 0) return;
    const isMaster = (fn.readConfig(COMMAND, 2) & BUS_MASTER) !== 0;
    probe.check(
      ((this.#backend.config[COMMAND] ?? 0) & BUS_MASTER) === (isMaster ? BUS_MASTER : 0),
      'the function masters the bus other than the guest asked',
    );
    for (const [vector, fd] of this.#backend.connected) {
      probe.check(
        this.#eventFds.get(vector) === fd,
        () => `vector ${vector} is wired to a descriptor that nobody connected`,
      );
    }
    const { msix, msi } = this.#layout ?? {};
    const hasMsi = msi !== undefined && (fn.readConfig(msi.offset + 2, 2) & 1) !== 0;
    const hasMsix = msix !== undefined && (fn.readConfig(msix.offset + 2, 2) & 0x8000) !== 0;
    probe.check(hasMsi || hasMsix || this.#messages.size === 0, 'a function without interrupts has messages');
    if (msix === undefined) return;
    const control = fn.readConfig(msix.offset + 2, 2);
    const mayFire = (control & 0xc000) === 0x8000;
    const vector = choices.below(msix.vectorCount);
    const entry = msix.table.offsetBytes + 16 * vector;
    const read = (offset: number): bigint => fn.readBar(msix.table.barIndex, entry + offset, 4);
    const masked = (read(12) & 1n) === 1n;
    const message = this.#messages.get(vector);
    if ((control & 0x8000) === 0) return;
    if (!mayFire || masked) return probe.check(message === undefined, () => `vector ${vector} is masked and may fire`);
    probe.check(
      message?.address === ((read(4) << 32n) | read(0)) && message.data === Number(read(8)),
      () => `vector ${vector} has another message than its entry`,
    );
  }

  /** What the guest reads is the policy's, but for the bits that it may write; and its lists of capabilities end. */
  #checkImage(fn: PolicedFunction): void {
    if (this.#failures > 0 || this.#layout === undefined) return;
    const image = new Uint8Array(4096);
    const view = new DataView(image.buffer);
    for (let offset = 0; offset < 4096; offset += 4) view.setUint32(offset, fn.readConfig(offset, 4), true);
    const { initial, writable } = this.#layout;
    for (let i = 0; i < 4096; i += 1) {
      const fixed = ~(writable[i] ?? 0);
      if (((image[i] ?? 0) & fixed) === ((initial[i] ?? 0) & fixed)) continue;
      this.#probe.fail(`byte ${i} of the guest's view changed where nothing may`);
    }
    this.#probe.check(
      standardCapabilities(image).problem === undefined,
      'the capability list that the guest sees does not end',
    );
    this.#probe.check(
      extendedCapabilities(image).problem === undefined,
      'the extended list that the guest sees does not end',
    );
  }
}

/** What the function itself says when it is told to refuse. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.message === REFUSAL;
}
