import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseModuleInfo } from './modinfo.ts';
import { tinyModule } from './testing/tiny-elf.ts';

test('dependencies, hard and soft', () => {
  const info = parseModuleInfo(
    tinyModule([
      'license=GPL',
      'depends=pci-hyperv-intf,hv_vmbus',
      'softdep=pre: crct10dif aes-x post: later',
      'softdep=pre: crc32c',
      'name=pci_hyperv',
    ]),
  );
  assert.deepEqual(info, {
    depends: ['pci_hyperv_intf', 'hv_vmbus'],
    softBefore: ['crct10dif', 'aes_x', 'crc32c'],
    softAfter: ['later'],
  });
});

test('no dependencies', () => {
  assert.deepEqual(parseModuleInfo(tinyModule(['depends='])), { depends: [], softBefore: [], softAfter: [] });
  assert.deepEqual(parseModuleInfo(tinyModule([])), { depends: [], softBefore: [], softAfter: [] });
});

test('no module', () => {
  assert.equal(parseModuleInfo(Buffer.from('#!/bin/sh')), undefined);
});

test('names that no module has are dropped: none can lead out of the tree', () => {
  assert.deepEqual(parseModuleInfo(tinyModule(['depends=../../etc/shadow,a b,ok,,$(x)']))?.depends, ['ok']);
});

test('any text: names that a file can have, or nothing', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `depends=${text}`),
          fc.string().map((text) => `softdep=${text}`),
        ),
      ),
      (entries) => {
        const info = parseModuleInfo(
          tinyModule(entries.map((entry) => Buffer.from(entry).toString('latin1').replaceAll('\0', ''))),
        );
        assert.ok(info);
        for (const name of [...info.depends, ...info.softBefore, ...info.softAfter]) assert.match(name, /^\w+$/);
      },
    ),
  );
});
