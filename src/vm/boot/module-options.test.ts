import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moduleOptions } from './module-options.ts';

const parse = (text: string): Record<string, string> => Object.fromEntries(moduleOptions(text));

test('options of modules among the kernel’s own', () => {
  assert.deepEqual(
    parse('console=ttyS0 hv_vmbus.max_version=0x50003 quiet nvme.io_queue_depth=64 nvme.use_cmb_sqes=0'),
    {
      hv_vmbus: 'max_version=0x50003',
      nvme: 'io_queue_depth=64 use_cmb_sqes=0',
    },
  );
});

test('a dash in the module’s name is an underscore', () => {
  assert.deepEqual(parse('pci-hyperv.x=1'), { pci_hyperv: 'x=1' });
});

test('values with dots and quoted spaces; what follows -- is for init', () => {
  assert.deepEqual(parse('ip=10.0.0.1 a.b="c d" e.f=1.2 -- g.h=1'), { a: 'b="c d"', e: 'f=1.2' });
});

test('nothing', () => {
  assert.deepEqual(parse(''), {});
  assert.deepEqual(parse('.=. a. .b ='), {});
});
