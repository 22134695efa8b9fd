import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventFd } from '../../linux/index.ts';
import type { FunctionBorrower } from '../function.ts';
import { plainPages } from '../testing/index.ts';
import { SoftwareNvme } from './software-nvme.ts';
import { MemoryStorage } from './storage.ts';

const MIB = 2 ** 20;
const EXPRESS_CONTROL = 0x68;
const MSIX_CONTROL = 0x52;
const COMMAND = 4;
const memory = new Uint8Array(MIB);
const view = new DataView(memory.buffer);

function lent(told: string[] = []): SoftwareNvme {
  const fn = new SoftwareNvme(
    {
      name: 'disk0',
      serialNumber: 'SERIAL',
      qualifiedName: 'nqn.2014-08.org.nvmexpress:uuid:0',
      namespaces: [{ storage: new MemoryStorage(MIB), uuid: new Uint8Array(16).fill(1) }],
      queuePairs: 2,
    },
    plainPages,
  );
  const borrower: FunctionBorrower = {
    barMoved: (index, gpa) => void told.push(`BAR ${index} ${gpa === undefined ? 'nowhere' : gpa.toString(16)}`),
    imageAccessChanged: () => undefined,
    doorbellsChanged: (index) =>
      void told.push(
        `doorbells ${fn
          .doorbells(index)
          .map(({ offsetBytes }) => offsetBytes.toString(16))
          .join()}`,
      ),
    messageChanged: (vector, message) => void told.push(`vector ${vector} ${message?.data ?? 'off'}`),
    releaseRequested: () => void told.push('release requested'),
    failed: (reason) => void told.push(`failed: ${reason}`),
  };
  memory.fill(0);
  fn.attach(borrower);
  fn.attachMemory([{ gpa: 0, sizeBytes: MIB, hostAddress: 0n, bytes: memory }]);
  return fn;
}

/** Puts a command into the admin queue and tells. */
function submit(fn: SoftwareNvme, index: number, dwords: Readonly<Record<number, number>>): void {
  memory.fill(0, 0x1000 + 64 * index, 0x1040 + 64 * index);
  for (const [dword, value] of Object.entries(dwords))
    view.setUint32(0x1000 + 64 * index + 4 * Number(dword), value, true);
  fn.writeBar(0, 0x1000, 4, BigInt(index + 1));
}

function enable(fn: SoftwareNvme): void {
  fn.writeConfig(COMMAND, 2, 6);
  fn.writeBar(0, 0x24, 4, 0x000f_000fn);
  fn.writeBar(0, 0x28, 8, 0x1000n);
  fn.writeBar(0, 0x30, 8, 0x2000n);
  fn.writeBar(0, 0x14, 4, 0x0046_0001n);
}

const status = (index: number): number => view.getUint16(0x2000 + 16 * index + 14, true);

test('the guest sees an NVMe controller: class, a BAR, MSI-X, a function-level reset', () => {
  const fn = lent();
  assert.deepEqual([fn.identity.baseClass, fn.identity.subClass, fn.identity.programmingInterface], [0x01, 0x08, 0x02]);
  assert.deepEqual(fn.bars, [{ index: 0, kind: 'memory64', prefetchable: false, sizeBytes: 0x4000 }]);
  assert.deepEqual(fn.vectors, { msi: 0, msix: 3 });
  assert.deepEqual(
    fn.barRegions(0).map(({ access, offsetBytes, sizeBytes }) => [access, offsetBytes, sizeBytes]),
    [
      ['trapped', 0, 0x2000],
      ['trapped', 0x2000, 0x2000],
    ],
  );
  assert.equal(fn.readBar(0, 8, 4), 0x0001_0400n);
  fn.close();
});

test('without bus mastering it reaches no memory; a function-level reset stops it', () => {
  const fn = lent();
  enable(fn);
  assert.equal(fn.readBar(0, 0x1c, 4), 1n);
  fn.writeConfig(COMMAND, 2, 2);
  submit(fn, 0, { 0: 0x06, 6: 0x4000, 10: 1 });
  assert.equal(status(0), 0);
  fn.writeConfig(COMMAND, 2, 6);
  assert.equal(status(0), 1);
  fn.writeConfig(EXPRESS_CONTROL, 2, 0x8000);
  assert.deepEqual([fn.readBar(0, 0x1c, 4), fn.readBar(0, 0x14, 4)], [0n, 0n]);
  fn.close();
});

test('interrupts: to the eventfd of the vector, and what came before there was one is not lost', () => {
  const told: string[] = [];
  const fn = lent(told);
  enable(fn);
  fn.writeConfig(MSIX_CONTROL, 2, 0x8000);
  submit(fn, 0, { 0: 0x06, 6: 0x4000, 10: 1 });
  fn.writeBar(0, 0x2000, 4, 0xfee0_0000n);
  fn.writeBar(0, 0x2008, 4, 0x55n);
  fn.writeBar(0, 0x200c, 4, 0n);
  const event = EventFd.create();
  fn.connectVector(0, event.fd);
  assert.deepEqual([told.at(-1), event.drain()], ['vector 0 85', 1n]);
  submit(fn, 1, { 0: 0x06, 6: 0x4000, 10: 1 });
  assert.equal(event.drain(), 1n);
  fn.detach();
  assert.equal(event.drain(), 0n);
  event.close();
  fn.close();
});

test('shadow doorbells: the borrower is told of an eventfd for each queue, and a signal of it is a doorbell', async () => {
  const told: string[] = [];
  const fn = lent(told);
  enable(fn);
  submit(fn, 0, { 0: 0x05, 6: 0x6000, 10: 0x000f_0001, 11: 1 });
  submit(fn, 1, { 0: 0x01, 6: 0x5000, 10: 0x000f_0001, 11: 0x0001_0001 });
  submit(fn, 2, { 0: 0x7c, 6: 0x7000, 8: 0x8000 });
  assert.deepEqual([status(0), status(1), status(2)], [1, 1, 1]);
  assert.equal(told.at(-1), 'doorbells 1008');
  const [doorbell] = fn.doorbells(0);
  assert.ok(doorbell);
  view.setUint32(0x5000, 0, true);
  view.setUint32(0x7000 + 8, 1, true);
  EventFd.fromFd(doorbell.eventFd).signal();
  for (let tries = 0; tries < 200 && view.getUint16(0x600e, true) === 0; tries += 1) await sleep(5);
  assert.equal(
    view.getUint16(0x600e, true) >>> 1,
    0x200b,
    'a flush of no namespace, answered, with more in the error log',
  );
  fn.writeBar(0, 0x14, 4, 0x0046_0000n);
  assert.equal(told.at(-1), 'doorbells ');
  assert.deepEqual(fn.doorbells(0), []);
  fn.close();
});

test('detached it reaches nothing, and nobody reaches it; closed twice is closed once', () => {
  const told: string[] = [];
  const fn = lent(told);
  enable(fn);
  fn.detach();
  const before = memory.slice();
  submit(fn, 0, { 0: 0x06, 6: 0x4000, 10: 1 });
  assert.equal(fn.readBar(0, 0x1c, 4), 0xffff_ffffn);
  assert.equal(status(0), 0);
  assert.deepEqual(memory.subarray(0x2000), before.subarray(0x2000));
  fn.close();
  fn.close();
  assert.ok(!told.some((line) => line.startsWith('failed')), told.join());
});
