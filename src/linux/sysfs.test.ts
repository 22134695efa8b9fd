import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isPresent, linkName, list, readAttribute, readBinaryAttribute, readLink, writeAttribute } from './sysfs.ts';

const directory = mkdtempSync(join(tmpdir(), 'sysfs-'));
after(() => rmSync(directory, { recursive: true }));
const at = (name: string): string => join(directory, name);

test('attributes are read without their newline and written in one piece', () => {
  writeFileSync(at('vendor'), '0x1b36\n');
  assert.equal(readAttribute(at('vendor')), '0x1b36');
  writeAttribute(at('vendor'), '0x8086');
  assert.equal(readFileSync(at('vendor'), 'latin1'), '0x8086');
  assert.deepEqual([...readBinaryAttribute(at('vendor'))], [0x30, 0x78, 0x38, 0x30, 0x38, 0x36]);
});

test('what is not there is not made, and is told as any refused call', () => {
  assert.throws(() => writeAttribute(at('unbind'), 'x'), {
    name: 'SystemCallError',
    code: 'ENOENT',
    detail: at('unbind'),
  });
  assert.throws(() => readAttribute(at('unbind')), { name: 'SystemCallError', code: 'ENOENT' });
  assert.throws(() => list(at('nowhere')), { name: 'SystemCallError', code: 'ENOENT' });
  assert.throws(() => readLink(at('vendor')), { name: 'SystemCallError', code: 'EINVAL' });
  assert.equal(linkName(at('driver')), undefined);
});

test('links and lists', () => {
  symlinkSync('../../../bus/pci/drivers/nvme', at('driver'));
  assert.equal(readLink(at('driver')), '../../../bus/pci/drivers/nvme');
  assert.equal(linkName(at('driver')), 'nvme');
  // A link that leads nowhere is there all the same.
  assert.deepEqual([isPresent(at('driver')), isPresent(at('unbind'))], [true, false]);
  assert.throws(() => isPresent(at('vendor/x')), { name: 'SystemCallError', code: 'ENOTDIR' });
  assert.deepEqual(list(directory), ['driver', 'vendor']);
});
