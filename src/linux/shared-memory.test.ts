import assert from 'node:assert/strict';
import { once } from 'node:events';
import { ftruncateSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { duplicateFd, readFileAt } from './libc/files.ts';
import { bufferAddress, coverWithZeroPages, mapFd, SharedMemory } from './shared-memory.ts';

const gib = 1024 ** 3;
const isMapped = (name: string): boolean => readFileSync('/proc/self/maps', 'latin1').includes(`memfd:${name}`);

test('what a view writes is what the file holds, also beyond 4 GiB', () => {
  const memory = SharedMemory.create('large', 6 * gib);
  assert.equal(memory.sizeBytes, 6 * gib);
  assert.equal(memory.address, bufferAddress(memory.buffer));
  const offset = 5 * gib + 123;
  new Uint8Array(memory.buffer, offset, 3).set([1, 2, 3]);
  const read = new Uint8Array(3);
  assert.equal(readFileAt(memory.fd, read, offset), 3);
  assert.deepEqual([...read], [1, 2, 3]);
  memory.close();
});

test('size is whole pages', () => {
  for (const sizeBytes of [0, 100, 4097, -4096, 2 ** 60]) {
    assert.throws(() => SharedMemory.create('odd', sizeBytes), RangeError);
  }
});

test('a descriptor shares the memory, and nobody can resize it', () => {
  const memory = SharedMemory.create('shared', 8192);
  const other = SharedMemory.fromFd(duplicateFd(memory.fd), 8192);
  assert.notEqual(other.address, memory.address);
  const word = new Int32Array(memory.buffer, 4096, 1);
  Atomics.store(word, 0, 0x1234);
  assert.equal(Atomics.load(new Int32Array(other.buffer, 4096, 1), 0), 0x1234);
  assert.throws(() => ftruncateSync(other.fd, 4096), { code: 'EPERM' });
  other.close();
  assert.equal(word[0], 0x1234);
  memory.close();
});

test('a closed memory reads zeroes, takes writes, and is nobody else’s', () => {
  const memory = SharedMemory.create('closing', 4096);
  const other = SharedMemory.fromFd(duplicateFd(memory.fd), 4096);
  const view = new Uint8Array(memory.buffer, 0, 4096);
  view[7] = 9;
  memory.close();
  memory.close();
  assert.equal(view[7], 0);
  view[7] = 5;
  assert.equal(view[7], 5);
  assert.equal(new Uint8Array(other.buffer, 0, 8)[7], 9);
  other.close();
  assert.equal(isMapped('closing'), false);
});

test('open memory is not collected, even if its object is dropped', async () => {
  let address = 0n;
  (() => {
    const memory = SharedMemory.create('dropped', 4096);
    address = memory.address;
  })();
  const buffers: SharedArrayBuffer[] = [];
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 20; i++) buffers.push(new SharedArrayBuffer(1 << 20));
    buffers.length = 0;
    await new Promise(setImmediate);
  }
  assert.equal(isMapped('dropped'), true);
  assert.notEqual(address, 0n);
});

test('only growable, page-sized buffers are mapped over', () => {
  const memory = SharedMemory.create('source', 4096);
  assert.throws(() => coverWithZeroPages(new SharedArrayBuffer(4096)), RangeError);
  const view = new Uint8Array(memory.buffer, 0, 4096);
  view[0] = 42;
  const window = mapFd(memory.fd, 0, 4096);
  assert.equal(new Uint8Array(window, 0, 4096)[0], 42);
  coverWithZeroPages(window);
  assert.equal(new Uint8Array(window, 0, 4096)[0], 0);
  assert.equal(view[0], 42);
  assert.throws(() => mapFd(999_999, 0, 4096), { name: 'SystemCallError', call: 'mmap', code: 'EBADF' });
  memory.close();
});

test('threads wait for each other on it', async () => {
  const memory = SharedMemory.create('mailbox', 4096);
  const words = new Int32Array(memory.buffer, 0, 2);
  const source = `
    const { workerData } = require('node:worker_threads');
    const words = new Int32Array(workerData, 0, 2);
    for (let round = 1; round <= 100; round++) {
      while (Atomics.load(words, 0) !== round) Atomics.wait(words, 0, round - 1);
      Atomics.store(words, 1, round);
      Atomics.notify(words, 1);
    }`;
  const worker = new Worker(source, { eval: true, workerData: memory.buffer });
  const ended = once(worker, 'exit');
  for (let round = 1; round <= 100; round++) {
    Atomics.store(words, 0, round);
    Atomics.notify(words, 0);
    while (Atomics.load(words, 1) !== round) assert.notEqual(Atomics.wait(words, 1, round - 1, 5_000), 'timed-out');
  }
  assert.deepEqual(await ended, [0]);
  memory.close();
});
