import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HypercallStatus } from '../../hyperv/index.ts';
import { gpadlMessages } from '../client/gpadl-messages.ts';
import { MODIFYCHANNEL, OPENCHANNEL } from '../messages/from-guest.ts';
import { RefusalCode } from '../refusal.ts';
import { toHex } from '../testing/hex.ts';
import { ProtocolVersion } from '../version.ts';
import {
  echoDevice,
  instanceId,
  INTERFACE_ID,
  offeredBench,
  openBench,
  RecordingDevice,
  VmbusTestbench,
} from '../testing/index.ts';

test('an offer byte for byte', () => {
  const bench = new VmbusTestbench();
  bench.server.offer({ interfaceId: INTERFACE_ID, instanceId: instanceId(0xab), device: new RecordingDevice() });
  bench.guest.connect();
  bench.guestListens = false;
  bench.server.handlePost(1, 1, Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0));
  const [offer, all] = bench.waiting;
  assert.ok(offer?.kind === 'message' && all?.kind === 'message');
  const expected = [
    '0100000000000000',
    '1df6c444444400449d52802e27ede19f',
    '00000000cd9b341200000000000000ab',
    '00'.repeat(8 + 8 + 2 + 2 + 120 + 2 + 2),
    '01000000',
    '00000100',
    '01200000',
  ];
  assert.equal(toHex(offer.payload), expected.join(''));
  assert.equal(toHex(all.payload), '0400000000000000');
});

test('offers made later are hot-adds, those made before come with the rest', () => {
  const bench = new VmbusTestbench();
  const offer = (number: number): number =>
    bench.server.offer({ interfaceId: INTERFACE_ID, instanceId: instanceId(number), device: new RecordingDevice() })
      .relid;
  const first = offer(1);
  bench.guest.connect();
  const second = offer(2);
  assert.equal(bench.guest.offers.size, 0);
  assert.deepEqual(
    bench.guest.requestOffers().map(({ relid }) => relid),
    [first, second],
  );
  const third = offer(3);
  bench.settle();
  assert.equal(bench.guest.offers.get(third)?.instanceId, instanceId(3));
  assert.equal(bench.guest.messages.at(-1)?.name, 'OFFERCHANNEL');
});

test('open, talk, close, open again', () => {
  const { bench, device, offer, channel } = openBench(echoDevice());
  assert.equal(offer.state, 'open');
  channel.send({ payload: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), transactionId: 5n, completionRequested: true });
  const echo = {
    kind: 'completion',
    transactionId: 5n,
    completionRequested: false,
    payload: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  };
  assert.deepEqual(channel.received, [echo]);
  channel.close();
  assert.equal(offer.state, 'offered');
  assert.deepEqual(bench.server.snapshot().gpadls, { count: 0, pages: 0 });
  const again = bench.guest.open(offer.relid);
  again.send({ payload: new Uint8Array(8), transactionId: 1n, completionRequested: true });
  assert.equal(again.received.length, 1);
  assert.deepEqual(device.events, ['opened', 'closed: the guest closed the channel', 'opened']);
});

test('the result is on its way before anything that the provider sends', () => {
  const device = new RecordingDevice();
  device.onOpened = (channel) => channel.sendInBand(Uint8Array.of(9));
  const { bench, offer } = offeredBench(device);
  const seen: string[] = [];
  const settle = bench.settle.bind(bench);
  bench.settle = () => {
    seen.push(...bench.waiting.map(({ kind }) => kind));
    settle();
  };
  const channel = bench.guest.open(offer.relid);
  assert.deepEqual(seen.slice(-2), ['message', 'flag']);
  assert.equal(channel.received[0]?.payload[0], 9);
});

test('the provider gets the user data of the open, and packets that were there before it', () => {
  const device = new RecordingDevice();
  const { bench, offer } = offeredBench(device);
  bench.guest.open(offer.relid, { userData: new Uint8Array(120).fill(3) });
  assert.deepEqual(device.userData, new Uint8Array(120).fill(3));
});

test('signals go by the connection id of the offer', () => {
  const { bench, device, channel } = openBench();
  channel.outgoing.write({
    kind: 'in-band',
    transactionId: 0n,
    completionRequested: false,
    payload: new Uint8Array(8),
  });
  for (const connectionId of [0, 1, 0x2000, 0x2002, 0x2800, 0x3001]) {
    assert.equal(bench.server.handleSignal(connectionId, 0), HypercallStatus.INVALID_CONNECTION_ID);
  }
  assert.equal(bench.server.handleSignal(0x2001, 2048), HypercallStatus.INVALID_PARAMETER);
  assert.equal(device.packets.length, 0);
  assert.equal(bench.server.handleSignal(0x2001, 0), HypercallStatus.SUCCESS);
  assert.equal(device.packets.length, 1);
});

test('event flags go to the VP of the open, and to another after MODIFYCHANNEL', () => {
  const { bench, device, offer } = offeredBench(new RecordingDevice(), { vpCount: 4 });
  const { relid } = offer;
  const channel = bench.guest.open(relid, { targetVp: 2 });
  const flag = (): unknown => {
    bench.guestListens = false;
    device.channel.sendInBand(new Uint8Array(8));
    const action = bench.waiting.at(-1);
    bench.guestListens = true;
    bench.settle();
    return action;
  };
  assert.deepEqual(flag(), { kind: 'flag', vp: 2, flag: relid });
  bench.guest.post(MODIFYCHANNEL.encode({ relid, targetVp: 3 }));
  assert.deepEqual(bench.guest.received('MODIFYCHANNEL_RESPONSE'), [
    { name: 'MODIFYCHANNEL_RESPONSE', relid, status: 0 },
  ]);
  assert.deepEqual(flag(), { kind: 'flag', vp: 3, flag: relid });
  bench.guest.post(MODIFYCHANNEL.encode({ relid, targetVp: 4 }));
  assert.notEqual(bench.guest.received('MODIFYCHANNEL_RESPONSE')[1]?.status, 0);
  assert.deepEqual(flag(), { kind: 'flag', vp: 3, flag: relid });
  bench.guest.post(MODIFYCHANNEL.encode({ relid, targetVp: 0xffff_ffff }));
  device.channel.sendInBand(new Uint8Array(8));
  assert.deepEqual(bench.waiting, []);
  channel.interrupted();
  assert.equal(channel.received.length, 4);
});

test('MODIFYCHANNEL before 5.3 has no answer, before 4.1 no effect', () => {
  for (const [maxVersion, vp] of [
    [ProtocolVersion.V5_2, 1],
    [ProtocolVersion.V4_1, 1],
    [ProtocolVersion.V4_0, 0],
  ] as const) {
    const { bench, offer } = openBench(new RecordingDevice(), { maxVersion });
    bench.guest.post(MODIFYCHANNEL.encode({ relid: offer.relid, targetVp: 1 }));
    assert.deepEqual(bench.guest.received('MODIFYCHANNEL_RESPONSE'), []);
    assert.equal(bench.server.snapshot().offers[0]?.targetVp, vp);
  }
});

test('an open that can’t be is answered with a failure', () => {
  const { bench, device, offer } = offeredBench();
  const { relid } = offer;
  const whole = bench.guest.createGpadl(relid, [10, 11, 12, 13]);
  const good = { relid, openId: 7, ringGpadl: whole, targetVp: 0, downstreamPageOffset: 2 };
  const bad = [
    { ...good, ringGpadl: whole + 1 },
    { ...good, targetVp: 2 },
    { ...good, downstreamPageOffset: 0 },
    { ...good, downstreamPageOffset: 1 },
    { ...good, downstreamPageOffset: 3 },
    { ...good, downstreamPageOffset: 4 },
    { ...good, downstreamPageOffset: 0xffff_ffff },
  ];
  for (const [index, fields] of bad.entries()) {
    bench.guest.post(OPENCHANNEL.encode(fields));
    const result = bench.guest.received('OPENCHANNEL_RESULT').at(-1);
    assert.equal(bench.guest.received('OPENCHANNEL_RESULT').length, index + 1);
    assert.equal(result?.openId, 7);
    assert.notEqual(result?.status, 0, JSON.stringify(fields));
    assert.equal(offer.state, 'offered');
  }
  assert.deepEqual(device.events, []);
  bench.guest.post(OPENCHANNEL.encode(good));
  assert.equal(bench.guest.received('OPENCHANNEL_RESULT').at(-1)?.status, 0);
  bench.guest.post(OPENCHANNEL.encode({ ...good, openId: 8 }));
  assert.notEqual(bench.guest.received('OPENCHANNEL_RESULT').at(-1)?.status, 0);
  assert.equal(offer.state, 'open');
  assert.deepEqual(device.events, ['opened']);
});

test('rings need a GPADL of one range of whole pages', () => {
  const { bench, offer } = offeredBench();
  const { relid } = offer;
  const gpns = [10, 11, 12, 13, 14];
  const notWhole = [
    [
      { byteCount: 5 * 4096, byteOffset: 0, gpns },
      { byteCount: 4096, byteOffset: 0, gpns: [15] },
    ],
    [{ byteCount: 4 * 4096, byteOffset: 8, gpns }],
    [{ byteCount: 5 * 4096 - 8, byteOffset: 0, gpns }],
  ];
  for (const [index, ranges] of notWhole.entries()) {
    const ringGpadl = index + 1;
    for (const message of gpadlMessages(relid, ringGpadl, ranges)) bench.guest.post(message);
    assert.equal(bench.guest.received('GPADL_CREATED').at(-1)?.status, 0);
    bench.guest.post(OPENCHANNEL.encode({ relid, ringGpadl, downstreamPageOffset: 2 }));
  }
  const results = bench.guest.received('OPENCHANNEL_RESULT');
  assert.equal(results.filter(({ status }) => status !== 0).length, notWhole.length);
  assert.equal(offer.state, 'offered');
});

test('a ring whose indices are impossible from the start doesn’t open', () => {
  const { bench, offer } = offeredBench();
  const { relid } = offer;
  const gpadl = bench.guest.createGpadl(relid, [10, 11, 12, 13]);
  bench.memory.poke(12 * 4096 + 4, Uint8Array.of(4));
  bench.guest.post(OPENCHANNEL.encode({ relid, openId: 1, ringGpadl: gpadl, downstreamPageOffset: 2 }));
  assert.notEqual(bench.guest.received('OPENCHANNEL_RESULT')[0]?.status, 0);
  assert.equal(bench.server.snapshot().events[RefusalCode.ringInvalid], 1);
});

test('messages for channels that the guest doesn’t hold are refused without an answer', () => {
  const { bench, offer } = offeredBench();
  const other = offer.relid + 1;
  const before = bench.guest.messages.length;
  for (const name of [5, 7, 8, 11, 13, 22]) {
    const message = new Uint8Array(148);
    message.set([name, 0, 0, 0, 0, 0, 0, 0, other, 0, 0, 0, 1]);
    bench.guest.post(message);
  }
  assert.equal(bench.guest.messages.length, before);
  assert.equal(bench.server.snapshot().events[RefusalCode.unknownRelid], 6);
});

test('closing what isn’t open is refused', () => {
  const { bench, offer } = offeredBench();
  bench.guest.post(Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0, offer.relid, 0, 0, 0));
  assert.equal(bench.server.snapshot().events[RefusalCode.wrongState], 1);
  assert.equal(offer.state, 'offered');
});
