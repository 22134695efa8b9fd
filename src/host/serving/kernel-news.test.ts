import assert from 'node:assert/strict';
import test from 'node:test';
import type { KernelLogRecord, Uevent } from '../../linux/index.ts';
import { newsOfRecord, newsOfUevent } from './kernel-news.ts';

const bdf = '0000:01:00.0';

function uevent(changes: Partial<Uevent>): Uevent {
  return {
    action: 'add',
    devicePath: `/devices/pci0000:00/0000:00:02.0/${bdf}`,
    subsystem: 'pci',
    sequence: 1,
    properties: new Map([['PCI_SLOT_NAME', bdf]]),
    ...changes,
  };
}

function record(text: string, changes: Partial<KernelLogRecord> = {}): KernelLogRecord {
  const properties = new Map([
    ['SUBSYSTEM', 'pci'],
    ['DEVICE', `+pci:${bdf}`],
  ]);
  return { level: 5, facility: 0, sequence: 1, microseconds: 1, text, properties, ...changes };
}

test('a function that comes, goes or changes its driver is looked at again', () => {
  for (const action of ['add', 'bind', 'unbind']) {
    assert.deepEqual(newsOfUevent(uevent({ action })), { kind: 'function-changed', function: bdf });
  }
  assert.deepEqual(newsOfUevent(uevent({ action: 'remove' })), { kind: 'function-left', function: bdf });
  assert.deepEqual(newsOfUevent(uevent({ properties: new Map() })), { kind: 'function-changed', function: bdf });
  assert.equal(newsOfUevent(uevent({ subsystem: 'block' })), undefined);
  assert.equal(newsOfUevent(uevent({ properties: new Map([['PCI_SLOT_NAME', '../x']]) })), undefined);
  assert.deepEqual(newsOfUevent('overrun'), { kind: 'lost' });
});

test('vfio-pci waiting for a function is heard, from the kernel alone', () => {
  for (const text of [
    `vfio-pci ${bdf}: Relaying device request to user (#10)`,
    `vfio-pci ${bdf}: No device request channel registered, blocked until released by user`,
  ]) {
    assert.deepEqual(newsOfRecord(record(text)), { kind: 'host-waits', function: bdf });
    assert.equal(newsOfRecord(record(text, { facility: 1 })), undefined);
    assert.equal(newsOfRecord(record(text, { properties: new Map() })), undefined);
  }
  assert.equal(newsOfRecord(record(`vfio-pci ${bdf}: enabling device`)), undefined);
  assert.deepEqual(newsOfRecord('overrun'), { kind: 'lost' });
});
