import { FunctionUnusableError, PolicedFunction } from '../../src/functions/index.ts';
import { compileConfigLayout, type ConfigLayout } from '../../src/functions/config-layout.ts';
import type { FakeBar } from '../../src/functions/testing/fake-backend.ts';
import { CheckedBackend } from '../doubles/checked-backend.ts';
import { PagePool } from '../doubles/page-pool.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import type { Run, Target } from '../engine/target.ts';
import { chosenAccess, startDriver, writeInterruptControl } from './config-driver.ts';
import { BARS, FIRST_CHANGEABLE, offsetOf, registersOf, VALUES } from './config-registers.ts';
import { ConfigWitness } from './config-witness.ts';

const ALL_ONES = (1n << 64n) - 1n;
/** Of failures: the function is with nobody. */
const NOT_LENT = 2;
const REFUSAL = 'The device refuses.';

const pool = new PagePool();

/** A function under the policy, with a guest that writes what it likes and a device that says what it likes. */
export const config: Target = {
  name: 'config',
  title:
    'configuration space and BAR accesses, MSI and MSI-X emulation, with a device whose registers may say anything',
  setupBytes: 64,
  operationBytes: 32,
  mostOperations: 100,
  workLimit: 3000,
  mostBetweenLooks: 30_000,
  begin: (setup, probe) => {
    pool.renew();
    return new ConfigRun(setup, probe);
  },
};

class ConfigRun implements Run {
  readonly #probe: Probe;
  readonly #bars: readonly FakeBar[];
  /** The function's registers after a reset: the device's own, so it may change them. */
  readonly #registers: Uint8Array;
  readonly #backend: CheckedBackend;
  readonly #function: PolicedFunction | undefined;
  readonly #witness: ConfigWitness;
  #layout: ConfigLayout | undefined;
  #memory = false;

  constructor(setup: Choices, probe: Probe) {
    this.#probe = probe;
    this.#witness = new ConfigWitness(probe);
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
    this.#witness.function = this.#function;
    this.#attach();
    if (setup.chance(160) && this.#function !== undefined)
      startDriver(this.#function, this.#layout ?? {}, this.#witness.eventFds);
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
    if (this.#backend.log.includes('reset') && this.#witness.failures === 0) this.#learnLayout();
    this.#witness.checkInterrupts(fn, this.#backend, this.#layout, choices);
  }

  finish(): void {
    const fn = this.#function;
    if (fn === undefined) return;
    if (this.#layout !== undefined) this.#witness.checkImage(fn, this.#layout);
    fn.close();
    fn.close();
    this.#probe.check(this.#backend.closed, 'the function is not closed');
    this.#probe.check(fn.readConfig(0, 4) === 0xffff_ffff, 'a closed function answers');
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
      this.#function?.attach(this.#witness);
      this.#witness.failures = 0;
      this.#memory = false;
      if (this.#function !== undefined) this.#learnLayout();
    } catch (error) {
      // The device turned into something else, or refused to be reset: it is not lent.
      if (!(error instanceof FunctionUnusableError) && !isRefusal(error)) throw error;
      this.#witness.failures = NOT_LENT;
    }
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
    if (choices.chance(32)) return writeInterruptControl(fn, this.#layout ?? {}, choices);
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
    const { barIndex, offset, sizeBytes } = chosenAccess(choices, this.#bars, this.#layout ?? {});
    fn.writeBar(
      barIndex,
      offset,
      sizeBytes,
      choices.chance(96) ? BigInt(choices.pick([0, 1, 0xfee0_0000] as const)) : choices.long(),
    );
  }

  #readBar(fn: PolicedFunction, choices: Choices): void {
    const { barIndex, offset, sizeBytes } = chosenAccess(choices, this.#bars, this.#layout ?? {});
    const value = fn.readBar(barIndex, offset, sizeBytes);
    this.#probe.check(
      value >= 0n && value <= ALL_ONES >> BigInt(8 * Math.max(0, 8 - Math.max(sizeBytes, 1))),
      () => `a BAR reads ${value}`,
    );
    this.#witness.checkRegions(fn);
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
    if (eventFd === undefined) this.#witness.eventFds.delete(vector);
    else this.#witness.eventFds.set(vector, eventFd);
  }

  #borrow(fn: PolicedFunction, choices: Choices): void {
    switch (choices.below(5)) {
      case 0:
        if (!choices.chance(64)) return;
        fn.detach();
        this.#witness.messages.clear();
        this.#witness.eventFds.clear();
        this.#probe.check(
          this.#backend.connected.size === 0 || this.#witness.failures > 0,
          'vectors outlived the loan',
        );
        this.#backend.refuseWith(undefined);
        // For a while nobody may have it, and nothing that a guest asks may reach it.
        if (choices.chance(64)) this.#witness.failures = NOT_LENT;
        else this.#attach();
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
        if (this.#memory || this.#witness.failures > 0) return;
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
}

/** What the function itself says when it is told to refuse. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.message === REFUSAL;
}
