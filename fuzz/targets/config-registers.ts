import { FakeCapability, fakeConfig } from '../../src/functions/testing/index.ts';
import type { FakeBar } from '../../src/functions/testing/fake-backend.ts';
import { e1000e, edu, megasas, nvmeWithSriov, virtioRng, xhci } from '../../src/pci/testing/index.ts';
import type { Choices } from '../engine/choices.ts';

/** In the header. */
export const COMMAND = 0x04;
const CAPTURED = [nvmeWithSriov, e1000e, xhci, virtioRng, megasas, edu] as const;
export const BARS: readonly (readonly FakeBar[])[] = [
  [{ index: 0, kind: 'memory64', prefetchable: false, sizeBytes: 0x4000, mappable: true }],
  [
    { index: 0, kind: 'memory32', prefetchable: false, sizeBytes: 0x4000, mappable: false },
    { index: 1, kind: 'memory32', prefetchable: true, sizeBytes: 0x800, mappable: true },
    { index: 2, kind: 'memory64', prefetchable: true, sizeBytes: 0x8000, mappable: true },
  ],
  [
    { index: 0, kind: 'memory32', prefetchable: false, sizeBytes: 0x4000, mappable: true },
    { index: 4, kind: 'memory64', prefetchable: false, sizeBytes: 0x4000, mappable: false },
  ],
];
const REGISTERS = [
  COMMAND,
  0x10,
  0x14,
  0x18,
  0x20,
  0x24,
  0x30,
  0x34,
  0x3c,
  FakeCapability.powerManagement,
  FakeCapability.powerManagement + 4,
  FakeCapability.msi,
  FakeCapability.msi + 4,
  FakeCapability.msi + 8,
  FakeCapability.msi + 12,
  FakeCapability.msi + 16,
  FakeCapability.msix,
  FakeCapability.msix + 4,
  FakeCapability.express + 8,
  FakeCapability.express + 0x10,
  FakeCapability.express + 0x28,
  0x100,
  0x150,
  0xffc,
] as const;
/** Of the table and of its pending bits: in pages of their own, in one page, beside other things, at the end. */
const MSIX_PLACES = [
  [0x2000, 0x3000],
  [0x2000, 0x2100],
  [0x1800, 0x800],
  [0x2008, 0x3ff8],
] as const;
export const VALUES: readonly number[] = [
  0, 0xffff_ffff, 6, 2, 4, 0x8000, 0xc000, 0x8000_0000, 0xc000_0000, 0xfe00_0000, 0x0001_0000, 3, 0x1000_0000,
  0x0081_0000, 0x00b1_0000,
];

/** Before it are the ids and the command register, in which a backend that was reset masters nothing: that is its contract. */
export const FIRST_CHANGEABLE = 6;

/** What a function's configuration space holds after a reset: made for these runs or taken from a device, and a little wrong. */
export function registersOf(setup: Choices, bars: readonly FakeBar[]): Uint8Array {
  const [table, pending] = setup.pick(MSIX_PLACES) ?? MSIX_PLACES[0];
  const registers = setup.chance(96)
    ? Uint8Array.from(setup.pick(CAPTURED).config)
    : fakeConfig({
        identity: {
          vendorId: 0x1b36,
          deviceId: 0x10,
          revisionId: 2,
          programmingInterface: 2,
          subClass: 8,
          baseClass: 1,
          subsystemVendorId: 0x1af4,
          subsystemId: 0x1100,
        },
        barFlags: new Map(
          bars.map((bar) => [bar.index, (bar.kind === 'memory64' ? 4 : 0) | (bar.prefetchable ? 8 : 0)]),
        ),
        msiVectors: setup.pick([0, 1, 8, 32] as const),
        msixVectors: setup.pick([16, 0, 1, 5, 128] as const),
        msixTable: { barIndex: setup.chance(32) ? setup.below(6) : 0, offset: table },
        msixPendingBits: { barIndex: setup.chance(64) ? setup.below(6) : 0, offset: pending },
        functionLevelReset: !setup.chance(64),
      });
  // Another capability in the place of one that is hidden.
  if (setup.chance(96))
    registers[FakeCapability.vitalProductData] = setup.pick([0x13, 0x09, 0x11, 0x05, 0x01] as const);
  for (let changes = setup.chance(128) ? 1 + setup.below(6) : 0; changes > 0; changes -= 1) {
    registers[FIRST_CHANGEABLE + setup.below(0x1f8)] = setup.byte();
  }
  return registers;
}

/** Where a guest writes: mostly where something is. */
export function offsetOf(choices: Choices): number {
  return choices.chance(48) ? choices.below(0x1004) & ~3 : (choices.pick(REGISTERS) ?? 0);
}
