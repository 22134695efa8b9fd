import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BootError } from './boot-error.ts';
import { elfSection, isStaticProgram, parseVmlinux } from './elf.ts';
import { bytesAsFile } from './testing/bytes-as-file.ts';
import { tinyExecutable, tinyModule } from './testing/tiny-elf.ts';

const CODE = Buffer.from([0xf4, 0xeb, 0xfd]);
const kernel = (): Buffer =>
  tinyExecutable(0x1000000, [
    { physicalAddress: 0x1000000, bytes: CODE },
    {
      physicalAddress: 0x2000000,
      bytes: Buffer.concat([Buffer.alloc(10, 1), Buffer.alloc(2 * 4096)]),
      memoryBytes: 0x10000,
    },
    { type: 4, physicalAddress: 0, bytes: Buffer.from('a note is not loaded') },
  ]);
const refuses = (file: Uint8Array, code: string): void => {
  assert.throws(
    () => parseVmlinux(bytesAsFile(file)),
    (error) => error instanceof BootError && error.code === code,
  );
};

test('a kernel: its loaded segments, which stay in the file', () => {
  const file = bytesAsFile(kernel());
  const headersBytes = 64 + 3 * 56;
  assert.deepEqual(parseVmlinux(file), {
    kind: 'vmlinux',
    file,
    entryGpa: 0x1000000,
    segments: [
      { gpa: 0x1000000, offset: headersBytes, fileBytes: 3, memoryBytes: 3 },
      { gpa: 0x2000000, offset: headersBytes + 3, fileBytes: 10 + 2 * 4096, memoryBytes: 0x10000 },
    ],
    endGpa: 0x2010000,
  });
});

test('no kernel: not ELF, a module, an entry outside, a segment where no kernel is', () => {
  refuses(Buffer.from('MZ'), 'kernel-not-elf');
  refuses(tinyModule([]), 'kernel-not-elf');
  refuses(tinyExecutable(0x400000, [{ physicalAddress: 0x1000000, bytes: CODE }]), 'kernel-not-elf');
  refuses(tinyExecutable(0x1000, [{ physicalAddress: 0x1000, bytes: CODE }]), 'kernel-not-elf');
  refuses(tinyExecutable(0x1000000, [{ physicalAddress: 0x1000000, bytes: CODE, memoryBytes: 2 }]), 'kernel-not-elf');
  refuses(
    tinyExecutable(0xfffff000, [{ physicalAddress: 0xfffff000, bytes: CODE, memoryBytes: 0x2000 }]),
    'kernel-not-elf',
  );
});

test('a kernel cut short', () => {
  refuses(kernel().subarray(0, 300), 'kernel-truncated');
});

test('a section by its name', () => {
  const file = tinyModule(['license=GPL', 'depends=']);
  assert.equal(Buffer.from(elfSection(file, '.modinfo') ?? []).toString(), 'license=GPL\0depends=\0');
  assert.equal(elfSection(file, '.text'), undefined);
  assert.equal(elfSection(kernel(), '.modinfo'), undefined);
  assert.equal(elfSection(file.subarray(0, file.length - 1), '.modinfo'), undefined);
});

test('static or dynamic', () => {
  assert.equal(isStaticProgram(kernel()), true);
  assert.equal(
    isStaticProgram(tinyExecutable(0x1000000, [{ type: 3, physicalAddress: 0, bytes: Buffer.from('/lib64/ld.so') }])),
    false,
  );
  assert.equal(isStaticProgram(Buffer.from('#!/bin/sh')), undefined);
});

test('any change to any bytes: a result, or a typed refusal', () => {
  const templates = [kernel(), tinyModule(['depends=a,b', 'softdep=pre: c'])];
  const change = fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 }));
  const changed = fc.tuple(fc.nat(1), fc.array(change, { maxLength: 12 })).map(([which, changes]) => {
    const file = Buffer.from(templates[which] ?? []);
    for (const [at, value] of changes) file[at % file.length] = value;
    return file;
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 500 }), changed), (file) => {
      elfSection(file, '.modinfo');
      isStaticProgram(file);
      try {
        const image = parseVmlinux(bytesAsFile(file));
        for (const { gpa, offset, fileBytes, memoryBytes } of image.segments) {
          assert.ok(fileBytes <= memoryBytes && gpa >= 0x100000 && gpa + memoryBytes <= image.endGpa);
          image.file.read(offset, new Uint8Array(fileBytes));
        }
      } catch (error) {
        assert.ok(error instanceof BootError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
