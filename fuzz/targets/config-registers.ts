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
/** Serial number, vendor-specific, error reporting, none. */
const EXTENDED = [0x03, 0x0b, 0x01, 0x00] as const;
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
  if (setup.chance(64)) setExtended(registers, setup);
  if (setup.chance(32)) registers[FakeCapability.express + 2] = setup.pick([0x01, 0x91, 0xa1, 0x92] as const);
  // Another capability in the place of one that is hidden, with or without room for it.
  if (setup.chance(32)) registers[FakeCapability.express + 1] = setup.pick([0xf8, 0x8c, 0xe0] as const);
  if (setup.chance(96))
    registers[FakeCapability.vitalProductData] = setup.pick([0x13, 0x09, 0x11, 0x05, 0x01] as const);
  for (let changes = setup.chance(128) ? 1 + setup.below(6) : 0; changes > 0; changes -= 1) {
    registers[FIRST_CHANGEABLE + setup.below(0x1f8)] = setup.byte();
  }
  return registers;
}

/** A list of a few, of which some are shown: the first may be none of them, the next close by or anywhere. */
function setExtended(registers: Uint8Array, setup: Choices): void {
  const view = new DataView(registers.buffer, registers.byteOffset, registers.byteLength);
  let at = 0x100;
  for (let left = 1 + setup.below(4); left > 0 && at + 12 <= registers.byteLength; left -= 1) {
    const next = left === 1 ? 0 : at + setup.pick([0x10, 8, 4, 0x200] as const);
    view.setUint32(at, ((next << 20) | (1 << 16) | setup.pick(EXTENDED)) >>> 0, true);
    view.setUint32(at + 4, (setup.pick([0x20, 8, 0, 0x400] as const) << 20) >>> 0, true);
    if (next === 0) return;
    at = next;
  }
}

/** Where a guest writes: mostly where something is. */
export function offsetOf(choices: Choices): number {
  return choices.chance(48) ? choices.below(0x1004) & ~3 : (choices.pick(REGISTERS) ?? 0);
}
