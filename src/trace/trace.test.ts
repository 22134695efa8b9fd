import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HypercallStatus, parseGuid } from '../hyperv/index.ts';
import { VPCI_INTERFACE_ID } from '../vpci/index.ts';
import { formatMessage } from './format-record.ts';
import { readRecord, recordsIn } from './read-record.ts';
import { MAX_CHUNK_BYTES, MAX_RECORD_PAYLOAD_BYTES } from './record-layouts.ts';
import { drain, oddRecords, recordedHypercalls, recordedLife, steppingTrace } from './testing/index.ts';
import type { TraceRecord } from './read-record.ts';

const read = (records: readonly Uint8Array[]): TraceRecord[] =>
  records.map((bytes) => readRecord(bytes) ?? assert.fail('a record of ours makes no sense'));

const channel = {
  relid: 3,
  interfaceId: VPCI_INTERFACE_ID,
  instanceId: parseGuid('00000001-0001-0000-0000-000000000001'),
  name: '0000:01:00.0',
};

test('a start in its order, each message named and its fields by its table', () => {
  const lines = read(recordedLife('linux-style'))
    .filter(({ kind }) => kind !== 'signal')
    .map(formatMessage);
  assert.equal(
    lines[0],
    'INITIATE_CONTACT version=6.0 targetVp=0 sint=2 vtl=0 featureFlags=0 parentToChildMonitorGpa=0x0 childToParentMonitorGpa=0x0',
  );
  const names = lines.map((line) => line.split(' ')[0]);
  const start = names.slice(names.indexOf('QUERY_PROTOCOL_VERSION'));
  assert.deepEqual(start.slice(0, 10), [
    'QUERY_PROTOCOL_VERSION',
    'QUERY_PROTOCOL_VERSION',
    'QUERY_BUS_RELATIONS',
    'BUS_RELATIONS2',
    'QUERY_RESOURCE_REQUIREMENTS',
    'QUERY_RESOURCE_REQUIREMENTS',
    'BUS_D0ENTRY',
    'BUS_D0ENTRY',
    'RESOURCES_ASSIGNED2',
    'RESOURCES_ASSIGNED2',
  ]);
  assert.ok(lines.includes('QUERY_PROTOCOL_VERSION completion status=0x0 SUCCESS version=1.4 #0x1'));
  assert.ok(lines.includes('EJECT slot=00.0'));
});

test('a hypercall has its input and its status, also when it was refused before it had an input', () => {
  const [post, signal, retarget, set, unknown, misaligned] = read(recordedHypercalls());
  assert.equal(post?.name, 'HvCallPostMessage');
  assert.equal(formatMessage(signal ?? assert.fail()), 'HvCallSignalEvent connectionId=8193 flag=0 vp=1 = SUCCESS');
  assert.match(formatMessage(retarget ?? assert.fail()), /data=0x60 vector=0x21 flags=0 vpMask=0x2 vp=1 = SUCCESS$/);
  assert.match(formatMessage(set ?? assert.fail()), /flags=2 vpMask=0x0 validBankMask=0x1 vp=1 = INVALID_PARAMETER$/);
  assert.equal(formatMessage(unknown ?? assert.fail()), 'hypercall 0x99 vp=1 = INVALID_HYPERCALL_CODE');
  assert.equal(formatMessage(misaligned ?? assert.fail()), 'HvCallPostMessage vp=1 = INVALID_ALIGNMENT');
});

test('what a call leads to stands behind it, and its status is in it all the same', () => {
  const trace = steppingTrace();
  const reader = trace.open(() => undefined);
  trace.recorder?.hypercall(0, { control: 0x5cn, input: 0n, output: 0n }, new Uint8Array(256));
  trace.recorder?.posted(1, 1, Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0));
  trace.recorder?.hypercallEnded(BigInt(HypercallStatus.INSUFFICIENT_BUFFERS));
  const [call, message] = read(drain(reader));
  assert.deepEqual([call?.status, message?.name], ['INSUFFICIENT_BUFFERS', 'REQUESTOFFERS']);
});

test('a completion says what it completes, for as long as that is known', () => {
  const trace = steppingTrace();
  const reader = trace.open(() => undefined);
  const { recorder } = trace;
  assert.ok(recorder !== undefined);
  const request = { kind: 'in-band', transactionId: 9n, completionRequested: true } as const;
  recorder.packetFromGuest(channel, { ...request, payload: Uint8Array.of(0x08, 0, 0x49, 0x42, 0, 0, 0, 0) });
  const completion = {
    ...request,
    kind: 'completion',
    completionRequested: false,
    payload: new Uint8Array(8),
  } as const;
  recorder.packetToGuest(channel, completion);
  recorder.packetToGuest(channel, completion);
  recorder.packetToGuest({ ...channel, relid: 4 }, completion);
  assert.deepEqual(
    read(drain(reader)).map(({ name }) => name),
    ['BUS_D0EXIT', 'BUS_D0EXIT completion', 'completion', 'completion'],
  );
});

test('bytes are copied when they are recorded', () => {
  const trace = steppingTrace();
  const reader = trace.open(() => undefined);
  const payload = Uint8Array.of(13, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0);
  trace.recorder?.posted(1, 1, payload);
  payload.fill(0xff);
  assert.equal(formatMessage(read(drain(reader))[0] ?? assert.fail()), 'RELID_RELEASED relid=7');
});

test('one record is bounded, and says what was cut off', () => {
  const trace = steppingTrace();
  const reader = trace.open(() => undefined);
  const payload = new Uint8Array(500_000);
  trace.recorder?.packetFromGuest(channel, { kind: 'in-band', transactionId: 0n, completionRequested: false, payload });
  const [bytes = new Uint8Array()] = drain(reader);
  assert.ok(bytes.byteLength + 4 <= MAX_CHUNK_BYTES);
  const [record] = read([bytes]);
  assert.deepEqual(
    [record?.payloadBytes, record?.cutBytes, record?.note],
    [500_000, 500_000 - MAX_RECORD_PAYLOAD_BYTES, `${MAX_RECORD_PAYLOAD_BYTES} of 500000 bytes kept`],
  );
});

test('memory is there while somebody reads, and never more than the ring', () => {
  const trace = steppingTrace(4096);
  const isRecording = (): boolean => trace.recorder !== undefined;
  assert.ok(!isRecording());
  const [first, second] = [trace.open(() => undefined), trace.open(() => undefined)];
  first.close();
  first.close();
  for (let count = 0; count < 1000; count += 1) trace.recorder?.signalled(0, 1);
  const chunk = second.read(1);
  assert.ok(chunk !== undefined && chunk.lost > 800);
  second.close();
  assert.ok(!isRecording());
});

test('whatever the bytes, a record is read or refused', () => {
  const real = [...recordedHypercalls(), ...recordedLife('windows-style'), ...oddRecords()];
  fc.assert(
    fc.property(
      fc.constantFrom(...real),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
      fc.nat(200),
      (record, changes, cut) => {
        const bytes = record.slice(0, record.byteLength - (cut < 150 ? 0 : cut - 150));
        for (const [at, value] of changes) bytes[at % bytes.byteLength] = value;
        const found = readRecord(bytes);
        if (found === undefined) return;
        assert.doesNotMatch(formatMessage(found), /\p{Cc}/u);
      },
    ),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void recordsIn(bytes)));
  assert.equal(recordsIn(Uint8Array.of(1, 2)), undefined);
  assert.deepEqual(recordsIn(new Uint8Array()), []);
});
