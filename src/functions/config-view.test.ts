import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barSizeFromMask, decodeBarTypes, extendedCapabilities, standardCapabilities } from '../pci/index.ts';
import { e1000e, edu, nvme, nvmeWithSriov, virtioRng } from '../pci/testing/index.ts';
import type { CapturedFunction } from '../pci/testing/index.ts';
import { ConfigView } from './config-view.ts';
import type { BarShape } from './function.ts';

export function shapesOf(captured: CapturedFunction): BarShape[] {
  return decodeBarTypes(captured.config).flatMap(({ index, kind, prefetchable }) => {
    const high = kind === 'memory64' ? captured.barMasks[index + 1] : undefined;
    const sizeBytes = barSizeFromMask({ low: captured.barMasks[index] ?? 0, high });
    return kind === 'io' || sizeBytes === 0
      ? []
      : [{ index, kind, prefetchable, sizeBytes: Math.max(4096, sizeBytes) }];
  });
}

function viewOf(captured: CapturedFunction): ConfigView {
  return new ConfigView(captured.config, shapesOf(captured), new Uint8Array(4096));
}

/** Rows of 16 bytes that aren't all zero. */
function rows(view: ConfigView): string[] {
  const found: string[] = [];
  for (let offset = 0; offset < 4096; offset += 16) {
    const bytes = Array.from({ length: 16 }, (_, i) => view.read(offset + i, 1));
    if (bytes.some((byte) => byte !== 0)) {
      found.push(`${offset.toString(16)}: ${Buffer.from(bytes).toString('hex')}`);
    }
  }
  return found;
}

/** The fake addresses of QEMU's NVMe controller in a guest: 64 GiB. */
const nvmeGpa = 0x10_0000_0000;

function placeNvmeBar(view: ConfigView): void {
  view.write(0x10, 4, nvmeGpa % 2 ** 32);
  view.write(0x14, 4, nvmeGpa / 2 ** 32);
}

test("QEMU's NVMe controller as a guest sees it, byte by byte", () => {
  assert.deepEqual(rows(viewOf(nvmeWithSriov)), [
    // Status has the list bit; no pin; the list starts at 0x40.
    '0: 361b1000000010000202080100000000',
    '10: 04000000000000000000000000000000',
    '20: 000000000000000000000000f41a0011',
    '30: 00000000400000000000000000000000',
    // MSI-X: table in BAR 0 at 0x2000, pending bits at 0x3000.
    '40: 11800f00002000000030000000000000',
    '60: 01000300080000000000000000000000',
    // PCI Express: role-based error reporting and FLR; link 2.5 GT/s x1, no ASPM.
    '80: 10600200008000100000000011000000',
    '90: 00001100000000000000000000000000',
  ]);
});

test('ARI and SR-IOV are hidden, which leaves no extended capability', () => {
  assert.equal(viewOf(nvmeWithSriov).read(0x100, 4), 0);
});

test('an extended list whose first capability is hidden starts with a null capability', () => {
  const view = viewOf(e1000e);
  assert.equal(view.read(0x100, 4), 0x1400_0000);
  assert.equal(view.read(0x140, 4), 0x0001_0003);
  assert.equal(view.read(0x144, 4), 0xff12_3456);
  assert.equal(view.read(0x104, 4), 0, 'error status is hidden');
});

test('conventional PCI has no extended space', () => {
  assert.equal(viewOf(edu).read(0x100, 4), 0xffff_ffff);
  assert.equal(viewOf(edu).read(0xffc, 4), 0xffff_ffff);
});

test('vendor-specific capabilities are all shown, in order, read-only', () => {
  const view = viewOf(virtioRng);
  const config = Uint8Array.from({ length: 4096 }, (_, i) => view.read(i, 1));
  const offsets = standardCapabilities(config).capabilities.map((capability) => capability.offset);
  assert.deepEqual(offsets, [0xdc, 0xc8, 0xb4, 0xa4, 0x94, 0x84, 0x7c, 0x40]);
  assert.equal(view.read(0xc8 + 4, 4), 0);
  assert.deepEqual(view.write(0xc8 + 4, 4, 0xffff_ffff), []);
  assert.equal(view.read(0xc8 + 4, 4), 0);
  assert.equal(view.read(0xb4, 4), 0x0214_a409);
});

test('an I/O BAR reads 0 and answers no sizing', () => {
  const view = viewOf(e1000e);
  view.write(0x18, 4, 0xffff_ffff);
  assert.equal(view.read(0x18, 4), 0);
});

test('the expansion ROM BAR reads 0 and answers no sizing', () => {
  const view = viewOf(nvme);
  view.write(0x30, 4, 0xffff_f800);
  assert.equal(view.read(0x30, 4), 0);
});

test('sizing a 64-bit BAR, with decoding on and off, moves nothing', () => {
  const view = viewOf(nvme);
  for (const command of [0, 2]) {
    view.write(4, 2, command);
    assert.deepEqual(view.write(0x10, 4, 0xffff_ffff), []);
    assert.equal(view.read(0x10, 4), 0xffff_c004);
    assert.deepEqual(view.write(0x14, 4, 0xffff_ffff), []);
    assert.equal(view.read(0x14, 4), 0xffff_ffff);
    view.write(0x10, 4, 0);
    assert.deepEqual(view.write(0x14, 4, 0), []);
    assert.equal(view.read(0x10, 4), 4);
  }
});

test('sizing a placed 32-bit BAR while it decodes takes it away and back', () => {
  const view = viewOf(edu);
  view.write(0x10, 4, 0xfe00_0000);
  assert.deepEqual(view.write(4, 2, 2), [{ kind: 'bar-moved', barIndex: 0, gpa: 0xfe00_0000 }]);
  assert.deepEqual(view.write(0x10, 4, 0xffff_ffff), [{ kind: 'bar-moved', barIndex: 0, gpa: undefined }]);
  assert.equal(view.read(0x10, 4), 0xfff0_0000);
  assert.deepEqual(view.write(0x10, 4, 0xfe00_0000), [{ kind: 'bar-moved', barIndex: 0, gpa: 0xfe00_0000 }]);
});

test("a driver's way: place the BAR, decode, master the bus, and back", () => {
  const view = viewOf(nvme);
  placeNvmeBar(view);
  assert.deepEqual(view.write(4, 2, 0x0406), [
    { kind: 'bus-master', enabled: true },
    { kind: 'bar-moved', barIndex: 0, gpa: nvmeGpa },
  ]);
  assert.equal(view.read(4, 2), 0x0406);
  assert.deepEqual(view.write(4, 1, 0), [
    { kind: 'bar-moved', barIndex: 0, gpa: undefined },
    { kind: 'bus-master', enabled: false },
  ]);
  assert.equal(view.read(4, 2), 0x0400);
});

test('addresses that no processor has, and address 0, are not acted on', () => {
  const view = viewOf(nvme);
  view.write(4, 2, 2);
  assert.deepEqual(view.write(0x10, 4, 0), []);
  assert.deepEqual(view.write(0x14, 4, 0x0010_0000), [], '2^52');
  assert.deepEqual(view.write(0x14, 4, 0x000f_ffff), [{ kind: 'bar-moved', barIndex: 0, gpa: 0xf_ffff * 2 ** 32 }]);
});

test('a BAR of 8 GiB has no address bits in its low register', () => {
  const shapes: BarShape[] = [{ index: 2, kind: 'memory64', prefetchable: true, sizeBytes: 2 ** 33 }];
  const view = new ConfigView(nvme.config, shapes, new Uint8Array(4096));
  view.write(0x18, 4, 0xffff_ffff);
  view.write(0x1c, 4, 0xffff_ffff);
  assert.equal(view.read(0x18, 4), 0xc);
  assert.equal(view.read(0x1c, 4), 0xffff_fffe);
  view.write(4, 2, 2);
  assert.deepEqual(view.write(0x1c, 4, 4), [{ kind: 'bar-moved', barIndex: 2, gpa: 2 ** 34 }]);
});

test('D3hot takes the BARs away first, D0 gives them back last', () => {
  const view = viewOf(nvme);
  placeNvmeBar(view);
  view.write(4, 2, 2);
  assert.deepEqual(view.write(0x64, 2, 3), [
    { kind: 'bar-moved', barIndex: 0, gpa: undefined },
    { kind: 'power-state', state: 3 },
  ]);
  assert.equal(view.read(0x64, 2), 0x000b);
  assert.deepEqual(view.write(0x64, 2, 1), [], 'D1 is not offered');
  assert.equal(view.read(0x64, 2), 0x000b);
  assert.deepEqual(view.write(0x64, 2, 0x8100), [
    { kind: 'power-state', state: 0 },
    { kind: 'bar-moved', barIndex: 0, gpa: nvmeGpa },
  ]);
  assert.equal(view.read(0x64, 2), 0x0008, 'wake-up (PME) bits do not stick');
});

test('device control: what is passed on, kept, and shown only', () => {
  const view = viewOf(nvme);
  assert.deepEqual(view.write(0x88, 2, 0x2810), [{ kind: 'device-control', bits: 0x2810 }]);
  assert.equal(view.read(0x88, 2), 0x2810);
  assert.deepEqual(view.write(0x88, 2, 0x281f), [], 'error reporting is kept');
  assert.equal(view.read(0x88, 2), 0x281f);
  assert.deepEqual(view.write(0x88, 2, 0x28e0 | 0x0700), [{ kind: 'device-control', bits: 0x2800 }]);
  assert.equal(view.read(0x88, 2), 0x2800, 'payload size, tags, phantom functions stay');
  assert.deepEqual(view.write(0x88, 2, 0x7800), [], 'a reserved read request size keeps the old one');
  assert.equal(view.read(0x88, 2), 0x2800);
});

test('a function-level reset brings the view back to its start and asks for the reset last', () => {
  const view = viewOf(nvme);
  const before = rows(view);
  placeNvmeBar(view);
  view.write(4, 2, 6);
  view.write(0x42, 2, 0x8000);
  const effects = view.write(0x88, 2, 0x8000);
  assert.deepEqual(
    effects.map((effect) => effect.kind),
    ['bar-moved', 'bus-master', 'interrupts', 'function-level-reset'],
  );
  assert.deepEqual(rows(view), before);
});

test('without function-level reset, its bit does nothing', () => {
  const config = Uint8Array.from(nvme.config);
  config[0x87] = 0;
  const view = new ConfigView(config, shapesOf(nvme), new Uint8Array(4096));
  assert.deepEqual(view.write(0x88, 2, 0x8000), []);
  assert.equal(view.read(0x88, 2), 0);
});

test('the reset of functions without a PCI Express capability', () => {
  const config = Uint8Array.from(edu.config);
  config[0x41] = 0x60;
  config.set([0x13, 0x00, 0x06, 0x03, 0x00, 0x00], 0x60);
  const view = new ConfigView(config, shapesOf(edu), new Uint8Array(4096));
  assert.deepEqual(view.write(0x64, 1, 1), [{ kind: 'function-level-reset' }]);
  assert.equal(view.read(0x64, 1), 0);
});

test('MSI-X control: only enable and function mask change', () => {
  const view = viewOf(nvme);
  const size = view.read(0x42, 2) & 0x7ff;
  const [effect] = view.write(0x42, 2, 0xffff);
  assert(effect?.kind === 'interrupts');
  assert.deepEqual(effect.msix, { enabled: true, functionMasked: true });
  assert.equal(view.read(0x42, 2), 0xc000 | size);
  view.write(0x44, 4, 0xffff_ffff);
  assert.equal(view.read(0x44, 4), 0x2000);
});

test('MSI: no more vectors than the function has; address and data as written', () => {
  const view = viewOf(e1000e);
  view.write(0xd4, 4, 0xfee0_0103);
  view.write(0xd8, 4, 0x1);
  view.write(0xdc, 2, 0x1234);
  const [effect] = view.write(0xd2, 2, 0x0031);
  assert(effect?.kind === 'interrupts');
  assert.deepEqual(effect.msi, {
    enabled: true,
    vectorCount: 1,
    address: 0x1_fee0_0100n,
    data: 0x1234,
    maskBits: 0,
  });
  assert.equal(view.read(0xd2, 2), 0x0081);
});

test('MSI is not acted on while MSI-X is enabled', () => {
  const view = viewOf(e1000e);
  view.write(0xd2, 2, 1);
  const [effect] = view.write(0xa2, 2, 0x8000);
  assert(effect?.kind === 'interrupts');
  assert.equal(effect.msi.enabled, false);
  assert.equal(effect.msix.enabled, true);
});

test('MSI-X whose table lies in a BAR that is not shown is hidden', () => {
  const view = new ConfigView(nvme.config, [], new Uint8Array(4096));
  assert.equal(view.layout.msix, undefined);
  assert.equal(view.read(0x34, 1), 0x80);
  assert.equal(view.read(0x40, 4), 0);
});

test('a capability that reaches into the next one is hidden or cut', () => {
  const config = Uint8Array.from(nvme.config);
  // MSI-X is 12 bytes long; the one behind it now begins 8 bytes after it.
  config[0x41] = 0x48;
  config.set([0x09, 0x00, 0x10], 0x48);
  const view = new ConfigView(config, shapesOf(nvme), new Uint8Array(4096));
  assert.equal(view.layout.msix, undefined);
  assert.equal(view.read(0x34, 1), 0x48);
});

test('accesses that cross a dword or have another size read all ones and change nothing', () => {
  const view = viewOf(nvme);
  for (const [offset, size] of [
    [3, 2],
    [1, 4],
    [0, 3],
    [0, 8],
    [-4, 4],
    [4096, 1],
    [4094, 4],
    [0.5, 1],
  ] as const) {
    assert.equal(view.read(offset, size), 0xffff_ffff);
    assert.deepEqual(view.write(offset, size, 0xffff_ffff), []);
  }
});

test('what the function shows after its reset replaces what it showed before', () => {
  const view = viewOf(nvme);
  placeNvmeBar(view);
  view.write(4, 2, 2);
  const config = Uint8Array.from(nvme.config);
  config[0x92] = 0x43;
  assert.deepEqual(view.recapture(config), [{ kind: 'bar-moved', barIndex: 0, gpa: undefined }]);
  assert.equal(view.read(0x92, 2), 0x0043);
});

test('extended capabilities of a view end', () => {
  const view = viewOf(e1000e);
  const config = Uint8Array.from({ length: 4096 }, (_, i) => view.read(i, 1));
  assert.deepEqual(extendedCapabilities(config), {
    capabilities: [{ id: 3, offset: 0x140, version: 1 }],
    problem: undefined,
  });
});
