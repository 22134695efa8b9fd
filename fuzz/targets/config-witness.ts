import type { ConfigLayout } from '../../src/functions/config-layout.ts';
import type { FunctionBorrower, MsiMessage } from '../../src/functions/index.ts';
import type { PolicedFunction } from '../../src/functions/policed-function.ts';
import { extendedCapabilities, standardCapabilities } from '../../src/pci/index.ts';
import type { CheckedBackend } from '../doubles/checked-backend.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import { COMMAND } from './config-registers.ts';

/** In the command register. */
const BUS_MASTER = 4;
const MSIX_ENABLED = 0x8000;
const MSIX_FUNCTION_MASKED = 0x4000;
const MSI_ENABLED = 1;
const CONFIG_BYTES = 4096;
const IMAGE = new Uint8Array(CONFIG_BYTES);
const IMAGE_WORDS = new DataView(IMAGE.buffer);

/** The VM that has a function: it hears where BARs lie and which vectors may fire with what, and says whether that can be. */
export class ConfigWitness implements FunctionBorrower {
  /** Times that the function said it has failed; 2: it is not lent. */
  failures = 0;
  readonly messages = new Map<number, MsiMessage>();
  /** Descriptors that the host connected, by vector. */
  readonly eventFds = new Map<number, number>();
  /** Undefined: the function can't be used. */
  function: PolicedFunction | undefined;
  readonly #probe: Probe;

  constructor(probe: Probe) {
    this.#probe = probe;
  }

  barMoved(barIndex: number, gpa: number | undefined): void {
    this.#probe.step();
    const bar = this.function?.bars.find(({ index }) => index === barIndex);
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
    const { msi, msix } = this.function?.vectors ?? { msi: 0, msix: 0 };
    this.#probe.check(vector >= 0 && vector < Math.max(msi, msix, 1), () => `a message for vector ${vector}`);
    const old = this.messages.get(vector);
    this.#probe.check(
      old?.address !== message?.address || old?.data !== message?.data,
      'a message was told that is no news',
    );
    if (message === undefined) this.messages.delete(vector);
    else this.messages.set(vector, message);
  }

  releaseRequested(): void {
    this.#probe.step();
  }

  failed(): void {
    this.failures += 1;
    this.#probe.check(this.failures <= 2, 'a function told of its failure more than once');
  }

  /** Who masters the bus, which vectors are wired to what, and what each may fire with. */
  checkInterrupts(
    fn: PolicedFunction,
    backend: CheckedBackend,
    layout: ConfigLayout | undefined,
    choices: Choices,
  ): void {
    const probe = this.#probe;
    probe.note(3, (Math.min(this.messages.size, 31) << 2) | (this.failures & 3));
    if (this.failures > 0) return;
    const isMaster = (fn.readConfig(COMMAND, 2) & BUS_MASTER) !== 0;
    probe.check(
      ((backend.config[COMMAND] ?? 0) & BUS_MASTER) === (isMaster ? BUS_MASTER : 0),
      'the function masters the bus other than the guest asked',
    );
    for (const [vector, fd] of backend.connected) {
      probe.check(
        this.eventFds.get(vector) === fd,
        () => `vector ${vector} is wired to a descriptor that nobody connected`,
      );
    }
    const { msix, msi } = layout ?? {};
    const control = msix === undefined ? 0 : fn.readConfig(msix.offset + 2, 2);
    const hasMsi = msi !== undefined && (fn.readConfig(msi.offset + 2, 2) & MSI_ENABLED) !== 0;
    const hasMsix = (control & MSIX_ENABLED) !== 0;
    probe.check(hasMsi || hasMsix || this.messages.size === 0, 'a function without interrupts has messages');
    if (msix === undefined || !hasMsix) return;
    const isMasked = (control & MSIX_FUNCTION_MASKED) !== 0;
    probe.check(
      !isMasked || this.messages.size === 0,
      () => `${this.messages.size} vectors of a masked function may fire`,
    );
    const vector = choices.below(Math.min(msix.vectorCount, choices.chance(64) ? 128 : 8));
    const entry = msix.table.offsetBytes + 16 * vector;
    const read = (offset: number): bigint => fn.readBar(msix.table.barIndex, entry + offset, 4);
    const message = this.messages.get(vector);
    if (isMasked || (read(12) & 1n) === 1n)
      return probe.check(message === undefined, () => `vector ${vector} is masked and may fire`);
    probe.check(
      message?.address === ((read(4) << 32n) | read(0)) && message.data === Number(read(8)),
      () => `vector ${vector} has another message than its entry`,
    );
  }

  /** What the guest reads is the policy's, but for the bits that it may write; and its lists of capabilities end. */
  checkImage(fn: PolicedFunction, { initial, writable }: ConfigLayout): void {
    if (this.failures > 0) return;
    for (let at = 0; at < CONFIG_BYTES; at += 4) IMAGE_WORDS.setUint32(at, fn.readConfig(at, 4), true);
    for (let i = 0; i < CONFIG_BYTES; i += 1) {
      const fixed = ~(writable[i] ?? 0);
      if (((IMAGE[i] ?? 0) & fixed) === ((initial[i] ?? 0) & fixed)) continue;
      this.#probe.fail(`byte ${i} of the guest's view changed where nothing may`);
    }
    this.#probe.check(
      standardCapabilities(IMAGE).problem === undefined,
      'the capability list that the guest sees does not end',
    );
    this.#probe.check(
      extendedCapabilities(IMAGE).problem === undefined,
      'the extended list that the guest sees does not end',
    );
  }

  /** How a BAR is cut up: in order, whole pages, without gaps. */
  checkRegions(fn: PolicedFunction): void {
    for (const { index, sizeBytes } of fn.bars) {
      this.#probe.check(fn.doorbells(index).length === 0, 'a doorbell that no function announced');
      const regions = fn.barRegions(index);
      let at = 0;
      for (const region of regions) {
        this.#probe.check(
          region.offsetBytes === at && region.sizeBytes > 0 && region.sizeBytes % 4096 === 0,
          () => `regions of BAR ${index} leave gaps`,
        );
        at += region.sizeBytes;
      }
      this.#probe.check(at === sizeBytes, () => `regions of BAR ${index} end at ${at} of ${sizeBytes}`);
      this.#probe.note(2, regions.length);
    }
  }
}
