import assert from 'node:assert/strict';
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { BytePlace } from '../../linux/index.ts';
import { FileStorage } from './file-storage.ts';
import type { StorageDone } from './storage.ts';

const directory = mkdtempSync(join(tmpdir(), 'dda-file-storage-'));
after(() => rmSync(directory, { recursive: true }));
const BYTES = 64 * 1024;

function open(
  name: string,
  flags = 'r+',
): { readonly storage: FileStorage; readonly path: string; readonly fd: number } {
  const path = join(directory, name);
  writeFileSync(path, new Uint8Array(BYTES).fill(0xa5));
  const fd = openSync(path, flags);
  return { storage: new FileStorage({ fd, sizeBytes: BYTES, readOnly: false, inMemory: false }), path, fd };
}

const whole = (bytes: Uint8Array): BytePlace => ({ bytes, start: 0, sizeBytes: bytes.byteLength });

/** What an operation ends with. */
const ended = (act: (done: StorageDone) => void): Promise<Error | undefined> => new Promise(act);

test('read, write, flush, clear', async () => {
  const { storage } = open('all');
  const source = new Uint8Array(4096).fill(7);
  assert.equal(await ended((done) => storage.write(8192, source, done)), undefined);
  assert.equal(await ended((done) => storage.flush(done)), undefined);
  assert.equal(await ended((done) => storage.clear(8192 + 1024, 512, done)), undefined);
  const target = new Uint8Array(8192);
  assert.equal(await ended((done) => storage.read(8192, target, done)), undefined);
  const expected = new Uint8Array(8192).fill(0xa5);
  expected.fill(7, 0, 4096).fill(0, 1024, 1536);
  assert.deepEqual(target, expected);
  storage.close();
});

test('what the kernel has at hand is read into its places at once, or not at all', async () => {
  const { storage, path } = open('at-hand');
  await ended((done) => storage.write(512, new Uint8Array(1024).fill(7), done));
  const memory = new Uint8Array(new SharedArrayBuffer(8192));
  const part = (start: number, sizeBytes: number): BytePlace => ({ bytes: memory, start, sizeBytes });
  const places = [part(100, 512), part(4096, 1024)];
  // Whether it can is the file system's affair; what it says must be so.
  if (storage.readAtHand(0, places)) {
    assert.ok(memory.subarray(100, 612).every((byte) => byte === 0xa5));
    assert.ok(memory.subarray(4096, 5120).every((byte) => byte === 7));
    assert.deepEqual([memory[99], memory[612], memory[4095], memory[5120]], [0, 0, 0, 0]);
  }
  if (storage.writeAtOnce(2048, [part(0, 50), part(100, 462)])) {
    const written = new Uint8Array(512);
    await ended((done) => storage.read(2048, written, done));
    assert.deepEqual([...written.subarray(48, 52)], [0, 0, 0xa5, 0xa5]);
  }
  truncateSync(path, 4096);
  assert.equal(storage.readAtHand(4000, [part(0, 200)]), false, 'not all of it is there');
  storage.close();
  assert.equal(storage.readAtHand(0, places), false);
});

test('a file in memory is always at hand', (t) => {
  if (statfsSync('/dev/shm').type !== 0x0102_1994) return t.skip('no tmpfs here');
  const path = `/dev/shm/dda-at-hand-${process.pid}`;
  writeFileSync(path, new Uint8Array(4096).fill(0x5a));
  const storage = new FileStorage({ fd: openSync(path, 'r+'), sizeBytes: 4096, readOnly: false, inMemory: true });
  rmSync(path);
  assert.equal(
    storage.writeAtOnce(512, [whole(new Uint8Array(100).fill(1)), whole(new Uint8Array(412).fill(2))]),
    true,
  );
  const target = new Uint8Array(4096);
  assert.equal(storage.readAtHand(0, [whole(target)]), true);
  const expected = new Uint8Array(4096).fill(0x5a).fill(1, 512, 612).fill(2, 612, 1024);
  assert.deepEqual(target, expected);
  storage.close();
});

test('a file that somebody cuts off: reads end with an error that says so', async () => {
  const { storage, path } = open('cut');
  truncateSync(path, 4096);
  const error = await ended((done) => storage.read(2048, new Uint8Array(4096), done));
  assert.match(error?.message ?? '', /ends at byte 4096: somebody has cut it off/);
  storage.close();
});

test('a file that can not be written: writing says so, and so does clearing, which tries both ways', async () => {
  const { storage } = open('unwritable', 'r');
  assert.match((await ended((done) => storage.write(0, new Uint8Array(512), done)))?.message ?? '', /EBADF/);
  assert.match((await ended((done) => storage.clear(0, 512, done)))?.message ?? '', /EBADF/);
  assert.match((await ended((done) => storage.clear(0, 512, done)))?.message ?? '', /EBADF/);
  storage.close();
});

test('idle when all that was asked has ended; closed then, and not before', async () => {
  const { storage, fd } = open('closing');
  const order: string[] = [];
  const target = new Uint8Array(BYTES);
  const read = ended((done) => storage.read(0, target, done)).then((error) =>
    order.push(`read ${error?.message ?? 'well'}`),
  );
  storage.whenIdle(() => void order.push('idle'));
  storage.close();
  storage.close();
  assert.equal(fstatSync(fd).size, BYTES);
  assert.match((await ended((done) => storage.flush(done)))?.message ?? '', /closed/);
  await read;
  assert.deepEqual(order.toSorted(), ['idle', 'read well']);
  assert.ok(target.every((byte) => byte === 0xa5));
  await assert.rejects(async () => {
    for (let tries = 0; tries < 100; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      fstatSync(fd);
    }
    closeSync(fd);
  }, /EBADF/);
});
