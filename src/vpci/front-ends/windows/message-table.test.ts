import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MsixCapability } from '../../../pci/index.ts';
import type { GuestPlatform, VectorTarget } from '../guest-platform.ts';
import { MessageTable } from './message-table.ts';

const MSIX: MsixCapability = {
  offset: 0x40,
  vectorCount: 4,
  table: { barIndex: 2, offsetBytes: 0x800, sizeBytes: 64 },
  pendingBits: { barIndex: 2, offsetBytes: 0xc00, sizeBytes: 8 },
};
const TABLE_GPA = 0xe000_0800;
const RESOURCES = {
  bars: [
    { index: 0, gpa: 0x1_0000_0000, sizeBytes: 0x4000 },
    { index: 2, gpa: 0xe000_0000, sizeBytes: 0x1000 },
  ],
  messages: [
    { vector: 0x30, vp: 0 },
    { vector: 0x31, vp: 1 },
  ],
};
const TOKEN = { address: 0xa_fee9_bcd0n, data: 0x60 };
const nothing = (): void => undefined;

function bench(msix: MsixCapability | undefined = MSIX) {
  const writes: (readonly [number, number, bigint])[] = [];
  const handled: (readonly [number, boolean])[] = [];
  const control = { value: 0x0003 };
  const platform = {
    writeMmio: (gpa: number, sizeBytes: number, value: bigint) => void writes.push([gpa, sizeBytes, value]),
    handleVector: ({ vector }: VectorTarget, handler: (() => void) | undefined) =>
      void handled.push([vector, handler !== undefined]),
  } as unknown as GuestPlatform;
  const config = {
    readConfig: (offset: number) => (offset === 0x42 ? control.value : assert.fail(`reads ${offset}`)),
    writeConfig: (offset: number, sizeBytes: number, value: number) => {
      assert.deepEqual([offset, sizeBytes], [0x42, 2]);
      control.value = value;
    },
  };
  return { table: new MessageTable(platform, config, msix), writes, handled, control };
}

test('an entry is written where the table lies in its BAR, and let through last', () => {
  const { table, writes } = bench();
  table.started(RESOURCES);
  assert.equal(table.count, 2);
  assert.deepEqual(table.target(1), { vector: 0x31, vp: 1 });
  table.program(1, TOKEN);
  const entry = TABLE_GPA + 16;
  assert.deepEqual(writes.splice(0), [
    [entry, 4, 0xfee9_bcd0n],
    [entry + 4, 4, 0xan],
    [entry + 8, 4, 0x60n],
    [entry + 12, 4, 0n],
  ]);
  table.mask(1);
  assert.deepEqual(writes, [[entry + 12, 4, 1n]]);
});

test('the capability is switched, its other bits stay', () => {
  const { table, control } = bench();
  table.setEnabled(true);
  assert.equal(control.value, 0x8003);
  table.setEnabled(false);
  assert.equal(control.value, 0x0003);
});

test('who is connected is called from the start on, and again after a stop and another start', () => {
  const { table, handled } = bench();
  table.connect(1, nothing);
  assert.deepEqual(handled, [], 'no vector is known yet');
  table.started(RESOURCES);
  assert.deepEqual(handled.splice(0), [[0x31, true]]);
  table.connect(0, nothing);
  assert.deepEqual(handled.splice(0), [[0x30, true]]);
  assert.deepEqual(table.connected, [1, 0]);
  table.stopped();
  assert.deepEqual(handled.splice(0), [
    [0x31, false],
    [0x30, false],
  ]);
  assert.deepEqual([table.count, table.target(0)], [0, undefined]);
  table.started({ ...RESOURCES, messages: [{ vector: 0x50, vp: 0 }] });
  assert.deepEqual(handled, [[0x50, true]]);
});

test('who lets go is masked and not called any more, once', () => {
  const { table, handled, writes } = bench();
  table.started(RESOURCES);
  table.connect(0, nothing);
  handled.length = 0;
  table.disconnect(0);
  assert.deepEqual(writes, [[TABLE_GPA + 12, 4, 1n]]);
  assert.deepEqual(handled.splice(0), [[0x30, false]]);
  table.disconnect(0);
  assert.deepEqual(handled, []);
});

test('after a stop, without a place for its BAR, or without MSI-X nothing is written', () => {
  const stopped = bench();
  stopped.table.started(RESOURCES);
  stopped.table.stopped();
  stopped.table.program(0, TOKEN);
  const placeless = bench();
  placeless.table.started({ ...RESOURCES, bars: [{ index: 0, gpa: 0x1000, sizeBytes: 0x1000 }] });
  placeless.table.program(0, TOKEN);
  const without = bench(undefined);
  assert.deepEqual([stopped.writes, placeless.writes], [[], []]);
  const { table } = without;
  assert.equal(table.count, 0);
});
