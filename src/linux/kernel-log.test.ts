import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseKernelLogRecord } from './kernel-log.ts';

test('a record with its properties', () => {
  const text =
    '5,1234,98765432,-;vfio-pci 0000:01:00.0: Relaying device request to user (#0)\n SUBSYSTEM=pci\n DEVICE=+pci:0000:01:00.0\n';
  assert.deepEqual(parseKernelLogRecord(text), {
    level: 5,
    facility: 0,
    sequence: 1234,
    microseconds: 98765432,
    text: 'vfio-pci 0000:01:00.0: Relaying device request to user (#0)',
    properties: new Map([
      ['SUBSYSTEM', 'pci'],
      ['DEVICE', '+pci:0000:01:00.0'],
    ]),
  });
});

test('escaped bytes, a facility of its own, fields of later kernels', () => {
  const record = parseKernelLogRecord('30,7,8,c,caller=T1;gr\\xc3\\xbc\\xc3\\x9fe\\x0a\n');
  assert.deepEqual([record?.level, record?.facility, record?.text], [6, 3, 'grüße\n']);
});

test('what is no record', () => {
  for (const text of ['', 'x', '1,2;y', ';', '1,2,3']) assert.equal(parseKernelLogRecord(text), undefined, text);
});
