import type { AllocatePages } from '../function-backend.ts';
import type { FunctionIdentity } from '../function.ts';
import { PolicedFunction } from '../policed-function.ts';
import { FakeBackend } from './fake-backend.ts';
import type { FakeBar } from './fake-backend.ts';
import { fakeConfig } from './fake-config.ts';
import { plainPages } from './plain-pages.ts';

/** Everything has a default: an NVMe-like function with a 16 KiB BAR 0, MSI-X table and pending bits in its last two pages. */
export interface FakeFunctionOptions {
  readonly name?: string;
  readonly identity?: Partial<FunctionIdentity>;
  readonly numaNode?: number;
  readonly bars?: readonly FakeBar[];
  readonly msiVectors?: number;
  readonly msixVectors?: number;
  readonly msixTable?: { readonly barIndex: number; readonly offset: number };
  readonly msixPendingBits?: { readonly barIndex: number; readonly offset: number };
  readonly functionLevelReset?: boolean;
  /** Default true: the pages of the MSI-X table and pending bits have images. */
  readonly nothingBesideMsix?: boolean;
  /** Where its pages come from; with `sharedPages` a VM can map them. */
  readonly allocate?: AllocatePages;
}

const defaultIdentity: FunctionIdentity = {
  vendorId: 0x1b36,
  deviceId: 0x0010,
  revisionId: 0x02,
  programmingInterface: 0x02,
  subClass: 0x08,
  baseClass: 0x01,
  subsystemVendorId: 0x1af4,
  subsystemId: 0x1100,
};

const defaultBar: FakeBar = { index: 0, kind: 'memory64', prefetchable: false, sizeBytes: 0x4000, mappable: true };

/**
 * A small function for tests of whoever borrows functions. The guest's side of it is the same code as for a physical
 * one; `backend` is the function itself: what was done to it, its BAR memory, and what it can be made to report.
 */
export class FakeFunction extends PolicedFunction {
  readonly backend: FakeBackend;

  constructor(options: FakeFunctionOptions = {}) {
    const allocate = options.allocate ?? plainPages;
    const bars = options.bars ?? [defaultBar];
    const backend = new FakeBackend({
      name: options.name ?? 'fake0',
      numaNode: options.numaNode,
      bars,
      allocate,
      nothingBesideMsix: options.nothingBesideMsix ?? true,
      config: fakeConfig({
        identity: { ...defaultIdentity, ...options.identity },
        barFlags: new Map(
          bars.map((bar) => [bar.index, (bar.kind === 'memory64' ? 0x4 : 0) | (bar.prefetchable ? 0x8 : 0)]),
        ),
        msiVectors: options.msiVectors ?? 0,
        msixVectors: options.msixVectors ?? 16,
        msixTable: options.msixTable ?? { barIndex: 0, offset: 0x2000 },
        msixPendingBits: options.msixPendingBits ?? { barIndex: 0, offset: 0x3000 },
        functionLevelReset: options.functionLevelReset ?? true,
      }),
    });
    super(backend, allocate);
    this.backend = backend;
  }

  /** The eventfd that an interrupt of `vector` would signal now, if the function could raise it. */
  eventFdOf(vector: number): number | undefined {
    return this.backend.connected.get(vector);
  }
}
