import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlainGuestMemory } from '../../../hyperv/testing/index.ts';
import { GuestHardware } from '../../testing/machine/guest-hardware.ts';
import type { FunctionServices } from '../function-driver.ts';
import { DataBuffer } from './data-buffer.ts';

const PAGES = 1024;

function bench() {
  const memory = new PlainGuestMemory([{ gpn: 0, pageCount: PAGES }]);
  const hardware = new GuestHardware({ memory, dma: { start: 4096, end: PAGES * 4096 } });
  const services = {
    allocateDma: (sizeBytes: number) => hardware.allocateDma(sizeBytes),
    freeDma: (buffer: Parameters<GuestHardware['freeDma']>[0]) => hardware.freeDma(buffer),
  } as FunctionServices;
  return { memory, hardware, services };
}

test('up to two pages are described by the command itself', () => {
  for (const [sizeBytes, second] of [
    [1, 0],
    [4096, 0],
    [4097, 4096],
    [8192, 4096],
  ] as const) {
    const { hardware, services } = bench();
    const buffer = new DataBuffer(services, sizeBytes);
    assert.equal(buffer.prp2, second === 0 ? 0 : buffer.prp1 + second);
    assert.equal(hardware.taken.buffers, 1);
    buffer.free();
    assert.equal(hardware.taken.buffers, 0);
  }
});

test('more of them by a list of all but the first, at most a page of it', () => {
  for (const sizeBytes of [8193, 513 * 4096]) {
    const { memory, hardware, services } = bench();
    const buffer = new DataBuffer(services, sizeBytes);
    const count = Math.ceil(sizeBytes / 4096) - 1;
    const list = new BigUint64Array(memory.peek(buffer.prp2, count * 8).slice().buffer);
    assert.deepEqual(
      [...list].map(Number),
      Array.from({ length: count }, (_, index) => buffer.prp1 + 4096 * (index + 1)),
    );
    assert.equal(hardware.taken.buffers, 2);
    buffer.free();
    assert.equal(hardware.taken.buffers, 0);
  }
});

test('more than one list describes is refused, and takes nothing', () => {
  const { hardware, services } = bench();
  assert.throws(() => new DataBuffer(services, 513 * 4096 + 1), {
    name: 'RangeError',
    message: '2101249 bytes are too many for one command',
  });
  assert.equal(hardware.taken.buffers, 0);
});

test('what is filled in is read back', () => {
  const { memory, services } = bench();
  const buffer = new DataBuffer(services, 5000);
  buffer.fill(new Uint8Array(5000).fill(0xa5));
  assert.deepEqual(memory.peek(buffer.prp1 + 4998, 4), Uint8Array.of(0xa5, 0xa5, 0, 0));
  assert.deepEqual(buffer.read(5000), new Uint8Array(5000).fill(0xa5));
});
