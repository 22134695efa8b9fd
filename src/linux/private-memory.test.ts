import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { release as osRelease } from 'node:os';
import { test } from 'node:test';
import { PrivateMemory } from './index.ts';

const mib = 1024 * 1024;

test('private memory is zeroed, writable, and begins at a huge page', () => {
  const memory = PrivateMemory.create(4 * mib);
  const bytes = new Uint8Array(memory.buffer, memory.offset, memory.sizeBytes);
  assert.equal(memory.address % BigInt(2 * mib), 0n);
  assert.equal(bytes[0], 0);
  bytes.fill(7);
  assert.equal(bytes[4 * mib - 1], 7);
  memory.close();
  assert.equal(bytes[4 * mib - 1], 0, 'late readers see zeroes, not a hole');
  memory.close();
});

test('no child process inherits it, and the kernel may use huge pages for it', () => {
  const memory = PrivateMemory.create(2 * mib);
  const flags = flagsAt(memory.address);
  assert.ok(flags.includes('dc'), 'dc: do not copy on fork');
  assert.ok(flags.includes('hg'), 'hg: huge pages advised');
  memory.close();
});

test('populated memory is resident before it is touched, and holds what was written', async () => {
  const memory = PrivateMemory.create(40 * mib);
  const bytes = new Uint8Array(memory.buffer, memory.offset, memory.sizeBytes);
  bytes[35 * mib] = 7;
  const [major = 0, release = 0] = (osRelease().match(/\d+/g) ?? []).map(Number);
  const isKnown = major > 5 || (major === 5 && release >= 14);
  assert.equal(await memory.populate(), isKnown);
  if (isKnown) assert.ok(residentBytesAt(memory.address) >= 40 * mib);
  assert.equal(bytes[35 * mib], 7);
  assert.equal(bytes[39 * mib], 0);
  memory.close();
});

test('populating ends when the memory is let go of', async () => {
  const memory = PrivateMemory.create(256 * mib);
  const populated = memory.populate();
  memory.close();
  assert.equal(await populated, false);
});

test('populating ends when somebody else is about to do it', async () => {
  const memory = PrivateMemory.create(256 * mib);
  const populated = memory.populate();
  memory.stopPopulating();
  assert.equal(await populated, false);
  assert.ok(residentBytesAt(memory.address) < 256 * mib);
  memory.close();
});

test('sizes that are no whole pages are refused', () => {
  assert.throws(() => PrivateMemory.create(4095), RangeError);
  assert.throws(() => PrivateMemory.create(0), RangeError);
});

/** Rss of the mapping that holds `address`. */
function residentBytesAt(address: bigint): number {
  return 1024 * Number(fieldAt(address, 'Rss').split(/\s+/)[0]);
}

/** VmFlags of the mapping that holds `address` (Linux Documentation/filesystems/proc.rst). */
function flagsAt(address: bigint): string[] {
  return fieldAt(address, 'VmFlags').split(' ');
}

function fieldAt(address: bigint, field: string): string {
  let inside = false;
  for (const line of readFileSync('/proc/self/smaps', 'latin1').split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
    if (range !== null) {
      inside = BigInt(`0x${range[1]}`) <= address && address < BigInt(`0x${range[2]}`);
    } else if (inside && line.startsWith(`${field}:`)) {
      return line.slice(field.length + 1).trim();
    }
  }
  throw new Error('the mapping is not in /proc/self/smaps');
}
