import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConfigWindowPlan, NtStatus } from '../../vpci/index.ts';
import { DeviceBench, ones } from '../testing/device-bench.ts';
import { ConfigWindowMapping } from './config-window-mapping.ts';

const GPA = 0xe000_0000;
const PAGE = 0x1000;

/** Answers like a bus whose every register holds its offset. */
function provider() {
  const accesses: string[] = [];
  return {
    accesses,
    configWindowRead: (offset: number, sizeBytes: number): number => {
      accesses.push(`read 0x${offset.toString(16)} ${sizeBytes}`);
      return offset;
    },
    configWindowWrite: (offset: number, sizeBytes: number, value: number): void => {
      accesses.push(`write 0x${offset.toString(16)} ${sizeBytes} 0x${value.toString(16)}`);
    },
  };
}

function image(bench: DeviceBench, fill: number): ConfigWindowPlan {
  const { address, bytes } = bench.pages.allocate('image', PAGE);
  bytes.fill(fill);
  return { kind: 'image', slot: 0, imageAddress: address };
}

test('a bus of one function: its registers are read without an exit, writes come to the provider', () => {
  using bench = new DeviceBench();
  const window = new ConfigWindowMapping(bench.services);
  const bus = provider();
  assert.equal(window.map(GPA, image(bench, 0x5a), bus), true);
  assert.equal(bench.read(GPA + PAGE, 4), 0x5a5a_5a5an);
  assert.equal(bench.read(GPA + PAGE + 0xff8, 8), 0x5a5a_5a5a_5a5a_5a5an);
  bench.write(GPA, 4, 7n);
  assert.equal(bench.read(GPA, 4), 7n, 'the selector is memory like any other');
  assert.deepEqual([bench.exits, bus.accesses], [0, []]);
  bench.write(GPA + PAGE + 4, 2, 0x0006n);
  assert.deepEqual([bench.exits, bus.accesses], [1, ['write 0x1004 2 0x6']]);
});

test('a bus that has to choose: every access comes to the provider', () => {
  using bench = new DeviceBench();
  const window = new ConfigWindowMapping(bench.services);
  const bus = provider();
  assert.equal(window.map(GPA, { kind: 'trap' }, bus), true);
  bench.write(GPA, 4, 0x21n);
  assert.equal(bench.read(GPA + PAGE + 0x10, 2), 0x1010n);
  assert.deepEqual(bus.accesses, ['write 0x0 4 0x21', 'read 0x1010 2']);
  assert.equal(bench.deviceSlots, 0);
});

test('an access of 8 bytes is none of PCI: ones, and nothing written', () => {
  using bench = new DeviceBench();
  const window = new ConfigWindowMapping(bench.services);
  const bus = provider();
  window.map(GPA, { kind: 'trap' }, bus);
  assert.equal(bench.read(GPA + PAGE, 8), ones(8));
  bench.write(GPA + PAGE, 8, 1n);
  assert.deepEqual(bus.accesses, []);
});

test('when the function goes, its registers go; another plan puts another image there', () => {
  using bench = new DeviceBench();
  const window = new ConfigWindowMapping(bench.services);
  const bus = provider();
  window.map(GPA, image(bench, 0x5a), bus);
  window.change({ kind: 'ones' });
  assert.equal(bench.deviceSlots, 0);
  assert.equal(bench.read(GPA + PAGE + 8, 4), 0x1008n, 'the provider answers, which gives ones for an empty bus');
  window.change(image(bench, 0x11));
  assert.equal(bench.read(GPA + PAGE, 4), 0x1111_1111n);
  window.change(image(bench, 0x22));
  assert.deepEqual([bench.read(GPA + PAGE, 4), bench.deviceSlots], [0x2222_2222n, 2]);
});

test('an unmapped window is nobody’s; it can be mapped anew, elsewhere', () => {
  using bench = new DeviceBench();
  const window = new ConfigWindowMapping(bench.services);
  window.unmap();
  const plan = image(bench, 0x5a);
  window.map(GPA, plan, provider());
  window.unmap();
  window.unmap();
  assert.deepEqual([bench.deviceSlots, bench.addresses.overlaps(GPA, 0x2000)], [0, false]);
  assert.equal(bench.read(GPA + PAGE, 4), ones(4));
  assert.equal(window.map(bench.map.highWindow.gpa, plan, provider()), true);
  assert.equal(bench.read(bench.map.highWindow.gpa + PAGE, 1), 0x5an);
});

test('a plan that comes when no window is mapped maps nothing', () => {
  using bench = new DeviceBench();
  const window = new ConfigWindowMapping(bench.services);
  window.change(image(bench, 0x5a));
  assert.equal(bench.deviceSlots, 0);
});

test('a window over RAM, outside the device windows, or over something else is refused with a status', () => {
  using bench = new DeviceBench();
  const { lowWindow, highWindow } = bench.map;
  const places = [
    0,
    0x10_0000,
    lowWindow.gpa - PAGE,
    lowWindow.gpa + lowWindow.sizeBytes - PAGE,
    highWindow.gpa + highWindow.sizeBytes,
    GPA + 0x800,
    2 ** 51,
  ];
  for (const gpa of places) {
    const window = new ConfigWindowMapping(bench.services);
    assert.equal(window.map(gpa, image(bench, 0), provider()), NtStatus.INVALID_PARAMETER, `0x${gpa.toString(16)}`);
    window.unmap();
  }
  const [first, second] = [new ConfigWindowMapping(bench.services), new ConfigWindowMapping(bench.services)];
  for (const plan of [image(bench, 0x5a), { kind: 'trap' } as const]) {
    first.map(GPA, plan, provider());
    assert.equal(second.map(GPA + PAGE, image(bench, 0), provider()), NtStatus.INVALID_PARAMETER);
    assert.equal(second.map(GPA - PAGE, { kind: 'trap' }, provider()), NtStatus.INVALID_PARAMETER);
    second.unmap();
    assert.equal(bench.addresses.overlaps(GPA, 0x2000), true, 'the refused one takes nothing away');
    first.unmap();
  }
  assert.equal(bench.deviceSlots, 0);
});
