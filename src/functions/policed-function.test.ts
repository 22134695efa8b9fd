import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FunctionBorrower, PciFunction } from './function.ts';
import { FunctionUnusableError, PolicedFunction } from './policed-function.ts';
import { FakeCapability, FakeFunction, plainPages } from './testing/index.ts';

/** Writes down what it is told; connects each vector at its first message, to descriptor 100 + vector. */
function borrow(fn: PciFunction): string[] {
  const told: string[] = [];
  const borrower: FunctionBorrower = {
    barMoved: (index, gpa) => told.push(`bar ${index} ${gpa === undefined ? 'off' : `0x${gpa.toString(16)}`}`),
    imageAccessChanged: () => undefined,
    doorbellsChanged: () => undefined,
    messageChanged: (vector, message) => {
      told.push(`vector ${vector} ${message === undefined ? 'off' : `data 0x${message.data.toString(16)}`}`);
      if (message !== undefined) fn.connectVector(vector, 100 + vector);
    },
    releaseRequested: () => told.push('release requested'),
    failed: (reason) => told.push(`failed: ${reason}`),
  };
  fn.attach(borrower);
  return told;
}

const msixControl = FakeCapability.msix + 2;

function enableMsixVector(fn: PciFunction, vector: number, data: number): void {
  fn.writeBar(0, 0x2000 + 16 * vector, 4, 0xfee0_0000n);
  fn.writeBar(0, 0x2000 + 16 * vector + 8, 4, BigInt(data));
  fn.writeBar(0, 0x2000 + 16 * vector + 12, 4, 0n);
  fn.writeConfig(msixControl, 2, 0x8000);
}

test('what it is, before and while it is attached', () => {
  const fn = new FakeFunction({ numaNode: 1, msiVectors: 4 });
  assert.equal(fn.identity.deviceId, 0x10);
  assert.equal(fn.numaNode, 1);
  assert.deepEqual(fn.vectors, { msi: 4, msix: 16 });
  assert.deepEqual(fn.bars, [{ index: 0, kind: 'memory64', prefetchable: false, sizeBytes: 0x4000 }]);
  assert.equal(fn.readConfig(0, 4), 0x0010_1b36);
});

test('a BAR is divided into direct pages and the emulated table with its image', () => {
  const fn = new FakeFunction();
  borrow(fn);
  const [registers, table] = fn.barRegions(0);
  assert.equal(registers?.access, 'direct');
  assert.equal(registers.sizeBytes, 0x2000);
  assert(table?.access === 'trapped');
  assert.deepEqual([table.offsetBytes, table.sizeBytes], [0x2000, 0x2000]);
  assert.notEqual(table.imageAddress, undefined);
  assert.deepEqual(fn.barRegions(1), []);
});

test('a table page with live registers beside the table has no image, and they are reached', () => {
  const fn = new FakeFunction({ msixPendingBits: { barIndex: 0, offset: 0x2800 }, nothingBesideMsix: false });
  borrow(fn);
  const table = fn.barRegions(0)[1];
  assert(table?.access === 'trapped');
  assert.equal(table.imageAddress, undefined);
  fn.writeBar(0, 0x2c00, 4, 0x1234_5678n);
  assert.equal(fn.readBar(0, 0x2c00, 4), 0x1234_5678n);
  assert.equal(fn.readBar(0, 0x2c00, 2), 0x5678n);
});

test('what is beside the table in its own pages reads 0 and never reaches the function', () => {
  const fn = new FakeFunction();
  borrow(fn);
  fn.backend.ram(0).fill(0xee);
  fn.writeBar(0, 0x2c00, 4, 0x1234_5678n);
  assert.equal(fn.readBar(0, 0x2c00, 4), 0n);
  assert.equal(fn.readBar(0, 0x3ffc, 4), 0n);
  assert.equal(fn.readBar(0, 0x1ffc, 4), 0xeeee_eeeen);
  assert.deepEqual(fn.backend.log, ['reset']);
});

test('a BAR that can not be mapped is trapped, cut where an image begins', () => {
  const fn = new FakeFunction({
    bars: [{ index: 0, kind: 'memory32', prefetchable: false, sizeBytes: 0x4000, mappable: false }],
    msixPendingBits: { barIndex: 0, offset: 0x2800 },
  });
  borrow(fn);
  const regions = fn
    .barRegions(0)
    .map((region) => [
      region.access,
      region.offsetBytes,
      region.sizeBytes,
      region.access === 'trapped' && region.imageAddress !== undefined,
    ]);
  assert.deepEqual(regions, [
    ['trapped', 0, 0x2000, false],
    ['trapped', 0x2000, 0x1000, true],
    ['trapped', 0x3000, 0x1000, false],
  ]);
});

test('a BAR smaller than a page is shown as a page; beyond its registers it reads all ones', () => {
  const fn = new FakeFunction({
    msixVectors: 0,
    bars: [{ index: 0, kind: 'memory32', prefetchable: false, sizeBytes: 256, mappable: false }],
  });
  borrow(fn);
  assert.equal(fn.bars[0]?.sizeBytes, 4096);
  fn.writeConfig(0x10, 4, 0xffff_ffff);
  assert.equal(fn.readConfig(0x10, 4), 0xffff_f000);
  fn.writeBar(0, 252, 4, 7n);
  fn.writeBar(0, 256, 4, 7n);
  assert.equal(fn.readBar(0, 252, 4), 7n);
  assert.equal(fn.readBar(0, 256, 4), 0xffff_ffffn);
  assert.equal(fn.readBar(0, 254, 4), 0xffff_ffffn);
});

test('a vector is wired once it has a message and an eventfd, and stays wired while masked', () => {
  const fn = new FakeFunction();
  const told = borrow(fn);
  enableMsixVector(fn, 2, 0x60);
  assert.deepEqual(told.splice(0), ['vector 2 data 0x60']);
  assert.equal(fn.eventFdOf(2), 102);
  fn.writeBar(0, 0x202c, 4, 1n);
  assert.deepEqual(told.splice(0), ['vector 2 off']);
  assert.equal(fn.eventFdOf(2), 102);
  const connects = fn.backend.log.filter((entry) => entry.startsWith('connect'));
  assert.deepEqual(connects, ['connect msix 2 fd 102']);
});

test('MSI-X is on at the function as soon as the guest turns it on, before any vector, and off with it', () => {
  const fn = new FakeFunction();
  borrow(fn);
  const msixActs = () => fn.backend.log.filter((entry) => /msix|vectors/.test(entry));
  fn.writeConfig(msixControl, 2, 0xc000);
  assert.deepEqual(msixActs(), ['enable msix']);
  fn.writeConfig(msixControl, 2, 0x8000);
  fn.writeConfig(msixControl, 2, 0);
  assert.deepEqual(msixActs(), ['enable msix', 'disable-vectors']);
  enableMsixVector(fn, 2, 0x60);
  assert.deepEqual(msixActs(), ['enable msix', 'disable-vectors', 'enable msix', 'connect msix 2 fd 102']);
});

test('an eventfd given before the first message is wired with it', () => {
  const fn = new FakeFunction();
  borrow(fn);
  fn.connectVector(5, 55);
  assert.equal(fn.eventFdOf(5), undefined);
  enableMsixVector(fn, 5, 0x60);
  assert.equal(fn.eventFdOf(5), 105);
});

test('disabling MSI-X takes the wires away, enabling it brings them back with the messages', () => {
  const fn = new FakeFunction();
  const told = borrow(fn);
  enableMsixVector(fn, 0, 0x60);
  fn.writeConfig(msixControl, 2, 0);
  assert.deepEqual(told.splice(0), ['vector 0 data 0x60', 'vector 0 off']);
  assert.equal(fn.eventFdOf(0), undefined);
  fn.writeConfig(msixControl, 2, 0x8000);
  assert.deepEqual(told.splice(0), ['vector 0 data 0x60']);
  assert.equal(fn.eventFdOf(0), 100);
});

test('taking a masked vector off its eventfd', () => {
  const fn = new FakeFunction();
  borrow(fn);
  enableMsixVector(fn, 0, 0x60);
  fn.writeBar(0, 0x200c, 4, 1n);
  fn.connectVector(0, 7);
  assert.equal(fn.eventFdOf(0), 7);
  fn.connectVector(0, undefined);
  assert.equal(fn.eventFdOf(0), undefined);
  assert.throws(() => fn.connectVector(16, 1), RangeError);
});

test('a block of MSI vectors', () => {
  const fn = new FakeFunction({ msiVectors: 4, msixVectors: 0 });
  const told = borrow(fn);
  const { msi } = FakeCapability;
  fn.writeConfig(msi + 4, 4, 0xfee0_0000);
  fn.writeConfig(msi + 12, 2, 0x60);
  fn.writeConfig(msi + 2, 2, 0x0021);
  assert.deepEqual(
    told.splice(0),
    [0, 1, 2, 3].map((i) => `vector ${i} data 0x${(0x60 + i).toString(16)}`),
  );
  assert.equal(fn.backend.connected.size, 4);
  fn.writeConfig(msi + 16, 4, 0x2);
  assert.deepEqual(told.splice(0), ['vector 1 off']);
  fn.writeConfig(msi + 2, 2, 0x0011);
  assert.deepEqual(told.splice(0), ['vector 0 off', 'vector 2 off', 'vector 3 off', 'vector 0 data 0x60']);
  assert.deepEqual([...fn.backend.connected], [[0, 100]]);
  fn.writeConfig(msi + 2, 2, 0);
  assert.deepEqual(told.splice(0), ['vector 0 off']);
  assert.equal(fn.backend.connected.size, 0);
});

test('decoding, bus mastering and power reach the function and the borrower in a safe order', () => {
  const fn = new FakeFunction();
  const told = borrow(fn);
  fn.backend.log.length = 0;
  fn.writeConfig(0x14, 4, 0x10);
  fn.writeConfig(4, 2, 6);
  fn.writeConfig(FakeCapability.powerManagement + 4, 2, 3);
  fn.writeConfig(FakeCapability.powerManagement + 4, 2, 0);
  fn.writeConfig(FakeCapability.express + 8, 2, 0x0810);
  assert.deepEqual(told, ['bar 0 0x1000000000', 'bar 0 off', 'bar 0 0x1000000000']);
  assert.deepEqual(fn.backend.log, ['bus-master on', 'power D3', 'power D0', 'device-control 0x810']);
});

test("the guest's own reset: unmapped, silent, off the bus, then reset; eventfds stay known", () => {
  const fn = new FakeFunction();
  const told = borrow(fn);
  fn.writeConfig(0x14, 4, 0x10);
  fn.writeConfig(4, 2, 6);
  enableMsixVector(fn, 0, 0x60);
  told.length = 0;
  fn.backend.log.length = 0;
  fn.writeConfig(FakeCapability.express + 8, 2, 0x8000);
  assert.deepEqual(told.splice(0), ['bar 0 off', 'vector 0 off']);
  assert.deepEqual(fn.backend.log, ['bus-master off', 'disable-vectors', 'reset']);
  assert.equal(fn.readConfig(4, 2), 0);
  assert.equal(fn.readBar(0, 0x200c, 4), 1n, 'every entry is masked again');
  enableMsixVector(fn, 0, 0x61);
  assert.deepEqual(told, ['vector 0 data 0x61']);
  assert.equal(fn.eventFdOf(0), 100);
});

test('quiesce is what leaving D0 asks for', () => {
  const fn = new FakeFunction();
  const told = borrow(fn);
  fn.writeConfig(0x14, 4, 0x10);
  fn.writeConfig(4, 2, 6);
  enableMsixVector(fn, 3, 0x60);
  told.length = 0;
  fn.quiesce();
  assert.deepEqual(told.splice(0), ['bar 0 off', 'vector 3 off']);
  assert.equal(fn.readConfig(0x14, 4), 0);
  assert.equal(fn.readBar(0, 0x2038, 4), 0n);
  assert.equal(fn.backend.config[4], 0x02, 'off the bus');
  fn.quiesce();
  assert.deepEqual(told, []);
});

test('detach: interrupts, bus mastering, memory, reset, in this order; nobody is told; twice is once', () => {
  const fn = new FakeFunction();
  const told = borrow(fn);
  fn.attachMemory([{ gpa: 0, sizeBytes: 4096, hostAddress: 0x1000n, bytes: new Uint8Array(4096) }]);
  enableMsixVector(fn, 0, 0x60);
  fn.writeConfig(4, 2, 6);
  told.length = 0;
  fn.backend.log.length = 0;
  fn.detach();
  fn.detach();
  assert.deepEqual(fn.backend.log, ['disable-vectors', 'bus-master off', 'unmap-memory', 'reset']);
  assert.deepEqual(told, []);
  assert.equal(fn.backend.events, undefined);
  assert.equal(fn.readBar(0, 0, 4), 0xffff_ffffn);
  fn.writeConfig(4, 2, 6);
  assert.equal(fn.readConfig(4, 2), 0);
});

test('close implies detach; after it everything reads all ones', () => {
  const fn = new FakeFunction();
  borrow(fn);
  fn.close();
  fn.close();
  assert.deepEqual(fn.backend.log, ['reset', 'disable-vectors', 'bus-master off', 'close']);
  assert.equal(fn.readConfig(0, 4), 0xffff_ffff);
  assert.throws(() => borrow(fn), /fake0 is closed/);
});

test('the next borrower finds nothing of the one before', () => {
  const fn = new FakeFunction();
  borrow(fn);
  enableMsixVector(fn, 0, 0x60);
  fn.writeBar(0, 0x1000, 4, 0x5ec2e7n);
  fn.detach();
  const told = borrow(fn);
  assert.equal(fn.readBar(0, 0x1000, 4), 0n);
  assert.equal(fn.readBar(0, 0x2008, 4), 0n);
  assert.equal(fn.readConfig(msixControl, 2), 0x000f);
  assert.deepEqual(told, []);
  assert.throws(() => borrow(fn), /attached already/);
});

test('a function that refuses is reported once, then reads all ones; the borrower is still told to unmap', () => {
  const fn = new FakeFunction();
  const told = borrow(fn);
  fn.writeConfig(0x14, 4, 0x10);
  fn.writeConfig(4, 2, 2);
  told.length = 0;
  fn.backend.refuseWith('the link is down');
  assert.equal(fn.readBar(0, 0, 4), 0xffff_ffffn);
  fn.writeBar(0, 0, 4, 1n);
  fn.writeConfig(4, 2, 4);
  assert.deepEqual(told, ['failed: fake0 refused to read BAR 0: the link is down', 'bar 0 off']);
});

test('a function that can not be taken back clean says so after every step was tried', () => {
  const fn = new FakeFunction();
  const told = borrow(fn);
  fn.backend.refuseWith('the link is down');
  fn.detach();
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /^failed: fake0 could not be taken back clean: the link is down; /);
});

test('what the function reports by itself', () => {
  const fn = new FakeFunction();
  const told = borrow(fn);
  fn.backend.events?.releaseRequested();
  fn.backend.events?.releaseRequested();
  fn.backend.events?.failed('an error');
  fn.backend.events?.failed('another');
  assert.deepEqual(told, ['release requested', 'release requested', 'failed: an error']);
});

test('memory comes once an attach', () => {
  const fn = new FakeFunction();
  assert.throws(() => fn.attachMemory([]), /once an attach/);
  borrow(fn);
  const regions = [{ gpa: 0, sizeBytes: 4096, hostAddress: 0x1000n, bytes: new Uint8Array(4096) }];
  fn.attachMemory(regions);
  assert.deepEqual(fn.backend.memory, regions);
  assert.throws(() => fn.attachMemory(regions), /once an attach/);
  fn.detachMemory();
  fn.detachMemory();
  assert.deepEqual(fn.backend.log.filter((entry) => entry === 'unmap-memory').length, 1);
});

test('a bridge, and a function that does not answer, are refused and let go', () => {
  for (const [offset, value, message] of [
    [0x0e, 0x01, /it is a bridge/],
    [0x00, 0xff, /does not answer/],
  ] as const) {
    const { backend } = new FakeFunction();
    backend.config[offset] = value;
    if (offset === 0) backend.config.fill(0xff);
    assert.throws(
      () => new PolicedFunction(backend, plainPages),
      (error) => error instanceof FunctionUnusableError && message.test(error.message),
    );
    assert.equal(backend.closed, true);
  }
});

test('accesses of other sizes, outside, or across the edge of the table are harmless', () => {
  const fn = new FakeFunction({ msixPendingBits: { barIndex: 0, offset: 0x2100 } });
  const told = borrow(fn);
  for (const [offset, size] of [
    [0, 3],
    [0, 16],
    [-4, 4],
    [0x4000, 4],
    [0x1ffc, 8],
    [0x20fc, 8],
    [0x2100, 16],
    [0.5, 4],
  ] as const) {
    fn.writeBar(0, offset, size, 0xffff_ffff_ffff_ffffn);
    const ones = fn.readBar(0, offset, size);
    assert.equal(ones, BigInt.asUintN(8 * Math.min(size, 8), -1n), `${size} bytes at ${offset}`);
  }
  fn.writeBar(0, 0x2100, 4, 0xffff_ffffn);
  assert.equal(fn.readBar(0, 0x2100, 4), 0n, 'pending bits are read-only');
  assert.deepEqual(told, []);
});

test("while no vector can fire the table may be the guest's plain memory; what it has left there counts once one can", () => {
  let memory: Uint8Array = new Uint8Array(0);
  const fn = new FakeFunction({
    msixPendingBits: { barIndex: 0, offset: 0x2800 },
    allocate: (name, sizeBytes) => {
      const pages = plainPages(name, sizeBytes);
      if (name.includes('MSI-X')) memory = pages.bytes;
      return pages;
    },
  });
  const watched: boolean[] = [];
  const fired: string[] = [];
  const image = () => fn.barRegions(0).find((region) => region.access === 'trapped');
  fn.attach({
    barMoved: () => undefined,
    doorbellsChanged: () => undefined,
    imageAccessChanged: (barIndex) => {
      assert.equal(barIndex, 0);
      watched.push(image()?.imageWritable === false);
      // The guest's last write before the page was taken from it.
      if (watched.at(-1) === true) memory[0x101] = 0x77;
    },
    messageChanged: (vector, message) => fired.push(`${vector} ${message === undefined ? 'off' : message.address}`),
    releaseRequested: () => undefined,
    failed: (reason) => assert.fail(reason),
  });
  assert.equal(image()?.imageWritable, true);
  memory.fill(0xff);
  memory.set([0x03, 0, 0xe0, 0xfe, 0, 0, 0, 0, 0x60, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff], 16);
  fn.writeConfig(msixControl, 2, 0xc000);
  assert.deepEqual([watched, fired], [[], []], 'enabled, but all of it masked');
  fn.writeConfig(msixControl, 2, 0x8000);
  assert.deepEqual([watched, fired], [[true], ['1 4276092928']]);
  assert.deepEqual([...memory.subarray(12, 16)], [1, 0, 0, 0], 'masked; reserved bits are 0');
  assert.equal(fn.readBar(0, 0x2000, 4), 0xffff_fffcn, 'the low bits of an address are 0');
  assert.equal(fn.readBar(0, 0x2100, 8), 0n, 'behind the table');
  assert.equal(fn.readBar(0, 0x2800, 8), 0n, 'pending bits are not for the guest to write');
  assert.ok(memory.subarray(0x100).every((byte) => byte === 0));
  fn.writeConfig(msixControl, 2, 0xc000);
  assert.deepEqual(
    [watched, fired.splice(0)],
    [
      [true, false],
      ['1 4276092928', '1 off'],
    ],
  );
  fn.writeConfig(msixControl, 2, 0);
  assert.equal(image()?.imageWritable, true);
});

test('a table beside live registers is watched always', () => {
  const fn = new FakeFunction({ msixPendingBits: { barIndex: 0, offset: 0x2800 }, nothingBesideMsix: false });
  borrow(fn);
  const image = fn.barRegions(0).find((region) => region.access === 'trapped');
  assert.deepEqual([image?.imageAddress, image?.imageWritable], [undefined, false]);
});
