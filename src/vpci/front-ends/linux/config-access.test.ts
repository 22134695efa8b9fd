import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestPlatform } from '../guest-platform.ts';
import type { Child } from './children.ts';
import { ConfigAccess } from './config-access.ts';

const WINDOW = 0xe000_0000;
const PAGE = WINDOW + 0x1000;
const SLOT = 0x21;
const CHILD: Child = {
  description: {
    identity: {
      vendorId: 0x1b36,
      deviceId: 0x9010,
      revisionId: 0x02,
      programmingInterface: 0x03,
      subClass: 0x08,
      baseClass: 0xff,
      subsystemVendorId: 0x1af4,
      subsystemId: 0xf100,
    },
    slot: SLOT,
    serial: 7,
    virtualNumaNode: undefined,
  },
  barMasks: [0, 0, 0, 0, 0, 0],
  numaNode: 0,
};

function bench() {
  const accesses: string[] = [];
  const platform = {
    readMmio: (gpa: number, sizeBytes: number) => {
      accesses.push(`read ${sizeBytes} at ${(gpa - WINDOW).toString(16)}`);
      return 0x42n;
    },
    writeMmio: (gpa: number, sizeBytes: number, value: bigint) =>
      void accesses.push(`write ${sizeBytes} at ${(gpa - WINDOW).toString(16)}: ${value.toString(16)}`),
  } as unknown as GuestPlatform;
  return { access: new ConfigAccess(platform, WINDOW, new Map([[SLOT, CHILD]])), accesses };
}

test('what the description tells is answered without asking the host', () => {
  const { access, accesses } = bench();
  for (const [offset, sizeBytes, value] of [
    [0x00, 4, 0x9010_1b36],
    [0x00, 2, 0x1b36],
    [0x02, 2, 0x9010],
    [0x03, 1, 0x90],
    [0x08, 4, 0xff08_0302],
    [0x08, 1, 0x02],
    [0x0a, 2, 0xff08],
    [0x2c, 4, 0xf100_1af4],
    [0x2e, 2, 0xf100],
    [0x30, 4, 0],
    [0x32, 2, 0],
    [0x3c, 1, 0],
    [0x3d, 1, 0],
  ] as const) {
    assert.equal(access.read(SLOT, offset, sizeBytes), value, `${sizeBytes} at 0x${offset.toString(16)}`);
  }
  assert.deepEqual(accesses, []);
});

test('all else is asked for, the slot selected first', () => {
  const { access, accesses } = bench();
  for (const [offset, sizeBytes] of [
    [0x04, 4],
    [0x06, 2],
    [0x0c, 1],
    [0x10, 4],
    [0x28, 4],
    [0x34, 1],
    [0x3c, 4],
    [0x3c, 2],
    [0x3e, 1],
    [0x100, 4],
  ] as const) {
    assert.equal(access.read(SLOT, offset, sizeBytes), 0x42);
    assert.deepEqual(accesses.splice(0), [
      'write 4 at 0: 21',
      `read ${sizeBytes} at ${(0x1000 + offset).toString(16)}`,
    ]);
  }
});

test('where there is no child everything reads all ones, and nothing is written', () => {
  const { access, accesses } = bench();
  assert.deepEqual(
    [1, 2, 4].map((sizeBytes) => access.read(0, 0x10, sizeBytes)),
    [0xff, 0xffff, 0xffff_ffff],
  );
  access.write(0, 0x04, 2, 6);
  assert.deepEqual(accesses, []);
});

test('ids, subsystem ids and the ROM’s address can’t be written; their neighbours can', () => {
  const { access, accesses } = bench();
  for (const offset of [0x00, 0x02, 0x03, 0x2c, 0x2e, 0x30, 0x33]) access.write(SLOT, offset, 1, 0xab);
  assert.deepEqual(accesses, []);
  for (const offset of [0x04, 0x10, 0x2b, 0x34]) {
    access.write(SLOT, offset, 1, 0xab);
    assert.deepEqual(accesses.splice(0), ['write 4 at 0: 21', `write 1 at ${(0x1000 + offset).toString(16)}: ab`]);
  }
});

test('whether the function still answers is asked of the host', () => {
  const { access, accesses } = bench();
  assert.equal(access.vendorId(SLOT), 0x42);
  assert.deepEqual(accesses, ['write 4 at 0: 21', `read 2 at ${(PAGE - WINDOW).toString(16)}`]);
});
