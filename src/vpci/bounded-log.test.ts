import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BoundedLog } from './bounded-log.ts';
import type { VpciLogEntry } from './port.ts';

test('a code is passed on eight times, and after that with its 16th, 32nd, 64th … occurrence', () => {
  const entries: VpciLogEntry[] = [];
  const log = new BoundedLog((entry) => entries.push(entry));
  for (let count = 1; count <= 100; count += 1) log.log('warning', 'VPCI_REFUSED', `no ${count}`);
  assert.deepEqual(
    entries.map(({ text }) => text),
    [
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((count) => `no ${count}`),
      'no 16 (16 times)',
      'no 32 (32 times)',
      'no 64 (64 times)',
    ],
  );
  assert.ok(entries.every(({ severity, code }) => severity === 'warning' && code === 'VPCI_REFUSED'));
});

test('each code has a count of its own', () => {
  const entries: VpciLogEntry[] = [];
  const log = new BoundedLog((entry) => entries.push(entry));
  for (let count = 0; count < 8; count += 1) log.log('warning', 'VPCI_REFUSED', 'no');
  log.log('info', 'VPCI_VERSION', 'vPCI version 1.4');
  assert.deepEqual(entries.at(-1), { severity: 'info', code: 'VPCI_VERSION', text: 'vPCI version 1.4' });
});
