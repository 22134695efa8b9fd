import type { InterruptKind } from '../../src/functions/index.ts';
import { FakeBackend, type FakeBackendOptions } from '../../src/functions/testing/fake-backend.ts';
import type { Probe } from '../engine/probe.ts';

/** Where the policy keeps a guest from: the MSI-X table and its pending bits. */
export interface ForbiddenRange {
  readonly barIndex: number;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** A function of memory that says so when it is asked for what the policy must not let through. */
export class CheckedBackend extends FakeBackend {
  forbidden: readonly ForbiddenRange[] = [];
  /** Whether it has refused something: from then on the guest and the function need not agree. */
  refused = false;
  readonly #probe: Probe;

  constructor(options: FakeBackendOptions, probe: Probe) {
    super(options);
    this.#probe = probe;
  }

  override readRegister(barIndex: number, offset: number, sizeBytes: number): bigint {
    this.#checkAccess(barIndex, offset, sizeBytes);
    return super.readRegister(barIndex, offset, sizeBytes);
  }

  override writeRegister(barIndex: number, offset: number, sizeBytes: number, value: bigint): void {
    this.#checkAccess(barIndex, offset, sizeBytes);
    super.writeRegister(barIndex, offset, sizeBytes, value);
  }

  override connectVector(kind: InterruptKind, vector: number, eventFd: number | undefined): void {
    this.#probe.step();
    super.connectVector(kind, vector, eventFd);
  }

  #checkAccess(barIndex: number, offset: number, sizeBytes: number): void {
    this.#probe.step();
    const bar = this.bars.find(({ index }) => index === barIndex);
    const fits = bar !== undefined && Number.isInteger(offset) && offset >= 0 && offset + sizeBytes <= bar.sizeBytes;
    this.#probe.check(fits, () => `${sizeBytes} bytes at ${offset} of BAR ${barIndex}, which has no such bytes`);
    for (const range of this.forbidden) {
      const apart = offset >= range.offsetBytes + range.sizeBytes || offset + sizeBytes <= range.offsetBytes;
      this.#probe.check(
        range.barIndex !== barIndex || apart,
        'an access reached the MSI-X table of the function itself',
      );
    }
  }
}
