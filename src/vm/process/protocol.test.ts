import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeFromVm, decodeRequest, decodeResult, encodeMessage, MAX_MESSAGE_BYTES } from './protocol.ts';

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const name = '0000:01:00.0';

test('a request arrives as it was sent', () => {
  const request = {
    id: 7,
    op: 'lend',
    function: name,
    serial: 2,
    numaNode: 1,
    node: { kind: 'group', group: '12', passed: true },
  } as const;
  assert.deepEqual(decodeRequest(encodeMessage(request)), request);
});

test('requests that make no sense', () => {
  const wrong: unknown[] = [
    null,
    [],
    'status',
    {},
    { op: 'status' },
    { id: 0, op: 'status' },
    { id: 1, op: 'reboot' },
    { id: 1, op: 'status', extra: 1 },
    { id: 1, op: 'revoke', function: '../../etc' },
    { id: 1, op: 'eject', function: name, deadlineMs: -1 },
    { id: 1, op: 'type', data: 'not base64!' },
    { id: 1, op: 'type', data: 'A'.repeat(6000) },
    { id: 1, op: 'lend', function: name, serial: 1, node: { kind: 'group', group: '1/../2', passed: true } },
  ];
  for (const value of wrong) assert.equal(decodeRequest(bytes(value)), undefined, JSON.stringify(value));
});

test('what a hostile VM process may say', () => {
  const wrong: unknown[] = [
    { event: 'console', offset: 1e300, data: '' },
    { event: 'console', offset: 0, data: 'A'.repeat(30_000) },
    { event: 'function-failed', function: name, reason: 'x'.repeat(1001) },
    { event: 'crashed', vp: 0, parameters: ['0x0'] },
    { event: 'ejected', function: 'x', outcome: 'ejected' },
    { reply: 1, ok: false, error: { code: 'Not A Code', message: '' } },
    { reply: -1, ok: true, result: {} },
    { reply: 1 },
    { event: 'shutdown-the-host' },
  ];
  for (const value of wrong) assert.equal(decodeFromVm(bytes(value)), undefined, JSON.stringify(value));
  assert.equal(decodeFromVm(new TextEncoder().encode('{"event":')), undefined);
  assert.equal(decodeFromVm(Uint8Array.of(0x22, 0xff, 0x22)), undefined, 'no UTF-8');
  assert.equal(decodeFromVm(new Uint8Array(MAX_MESSAGE_BYTES + 1).fill(0x20)), undefined);
  assert.equal(decodeResult('status', { guest: 'running', functions: [1], consoleBytes: 0 }), undefined);
});

test('nothing that steers a terminal survives', () => {
  const event = decodeFromVm(bytes({ event: 'guest-os', name: '\u001b[2JLinux\u202e' }));
  assert.deepEqual(event, { event: 'guest-os', name: '\ufffd[2JLinux\ufffd' });
});

test('no bytes make a decoder fail', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc.json().map((text) => new TextEncoder().encode(text)),
      ),
      (payload) => {
        decodeRequest(payload);
        decodeFromVm(payload);
      },
    ),
  );
});
