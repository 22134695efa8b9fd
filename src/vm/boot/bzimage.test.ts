import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BootError } from './boot-error.ts';
import { parseBzImage } from './bzimage.ts';
import { TINY_VERSION, tinyBzImage } from './testing/tiny-bzimage.ts';

const refuses = (file: Uint8Array, code: string): void => {
  assert.throws(
    () => parseBzImage(file),
    (error) => error instanceof BootError && error.code === code,
  );
};

test('reads what a loader needs', () => {
  const file = tinyBzImage();
  const image = parseBzImage(file);
  assert.equal(image.version, TINY_VERSION);
  assert.equal(image.protocolVersion, 0x020f);
  assert.equal(image.preferredAddress, 0x1000000);
  assert.equal(image.initSizeBytes, 0x200000);
  assert.equal(image.initrdAddressMax, 0x7fffffff);
  assert.equal(image.commandLineMaxBytes, 2047);
  assert.deepEqual(image.setupHeader, file.subarray(0x1f1, 0x26c));
  assert.deepEqual(image.payload, file.subarray(0xa00));
  assert.equal(Buffer.from(image.compressedVmlinux).toString(), 'compressed kernel');
});

test('0 setup sectors mean 4', () => {
  const file = tinyBzImage();
  file.writeUInt8(0, 0x1f1);
  assert.deepEqual(parseBzImage(file).payload, file.subarray(0xa00));
});

test('the RAM needed covers the file, whatever the header says', () => {
  const image = parseBzImage(tinyBzImage({ initSizeBytes: 0 }));
  assert.equal(image.initSizeBytes, image.payload.length);
});

test('no bzImage: empty, a text, another magic, a zImage, a load address where none is', () => {
  refuses(new Uint8Array(0), 'kernel-not-bzimage');
  refuses(Buffer.from('#!/bin/sh\n'.repeat(200)), 'kernel-not-bzimage');
  const noMagic = tinyBzImage();
  noMagic.write('NoHd', 0x202);
  refuses(noMagic, 'kernel-not-bzimage');
  const low = tinyBzImage();
  low.writeUInt8(0, 0x211);
  refuses(low, 'kernel-not-bzimage');
  refuses(tinyBzImage({ preferredAddress: 0 }), 'kernel-not-bzimage');
  refuses(tinyBzImage({ preferredAddress: 2 ** 40 }), 'kernel-not-bzimage');
});

test('too old: protocol 2.11, or no 64-bit entry', () => {
  refuses(tinyBzImage({ version: 0x020b }), 'kernel-too-old');
  refuses(tinyBzImage({ extendedLoadFlags: 0x7e }), 'kernel-too-old');
});

test('truncated anywhere behind its header', () => {
  const file = tinyBzImage();
  parseBzImage(file.subarray(0, -8));
  for (const length of [0x264, 0xa00, file.length - 9]) refuses(file.subarray(0, length), 'kernel-truncated');
});

test('a version pointer that leads nowhere gives no version', () => {
  const file = tinyBzImage();
  file.writeUInt16LE(0xffff, 0x20e);
  assert.equal(parseBzImage(file).version, '');
});

test('any bytes: an image whose parts lie in the file, or a typed refusal', () => {
  const template = tinyBzImage();
  const change = fc.tuple(fc.integer({ min: 0x1f0, max: 0x264 }), fc.integer({ min: 0, max: 255 }));
  const changed = fc.tuple(fc.array(change, { maxLength: 8 }), fc.nat(template.length)).map(([changes, length]) => {
    const file = Buffer.from(template);
    for (const [at, value] of changes) file[at] = value;
    return file.subarray(0, length % 3 === 0 ? length : template.length);
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 2000 }), changed), (file) => {
      try {
        const image = parseBzImage(file);
        assert.ok(image.payload.length > 0 && image.compressedVmlinux.length > 0);
        assert.ok(image.preferredAddress + image.initSizeBytes < 2 ** 33);
      } catch (error) {
        assert.ok(error instanceof BootError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
