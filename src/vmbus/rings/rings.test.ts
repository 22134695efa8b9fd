import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ChannelFault } from '../packet-channel.ts';
import { fromHex, toHex } from '../testing/hex.ts';
import { ringOfPages } from '../testing/ring-pages.ts';
import { IncomingRing } from './incoming-ring.ts';
import { OutgoingRing, type OutgoingPacket } from './outgoing-ring.ts';

/** Words of the header page. */
const Word = { write: 0, read: 1, mask: 2, pending: 3 } as const;

function inBand(payload: Uint8Array, extra: Partial<OutgoingPacket> = {}): OutgoingPacket {
  return { kind: 'in-band', transactionId: 0n, completionRequested: false, payload, ...extra };
}

test('an in-band packet is header, padded payload and footer', () => {
  const { memory, data, header } = ringOfPages(1);
  const ring = new OutgoingRing(memory);
  assert.equal(ring.write(inBand(fromHex('13004942 04'), { transactionId: 1n, completionRequested: true })), 'signal');
  assert.equal(toHex(data.slice(0, 32)), '06000200030001000100000000000000' + '1300494204000000' + '0000000000000000');
  assert.equal(header[Word.write], 32);
  ring.write({ kind: 'completion', transactionId: 0x1122n, completionRequested: false, payload: new Uint8Array(0) });
  assert.equal(toHex(data.slice(32, 56)), '0b000200020000002211000000000000' + '0000000020000000');
  assert.equal(header[Word.write], 56);
});

test('a packet reads back as it was written, padded', () => {
  const { memory, header } = ringOfPages(1);
  new OutgoingRing(memory).write(
    inBand(Uint8Array.of(1, 2, 3), { transactionId: 0xffff_ffff_ffff_ffffn, completionRequested: true }),
  );
  const incoming = new IncomingRing(memory);
  assert.deepEqual(incoming.read(), {
    packet: {
      kind: 'in-band',
      transactionId: 0xffff_ffff_ffff_ffffn,
      completionRequested: true,
      payload: Uint8Array.of(1, 2, 3, 0, 0, 0, 0, 0),
    },
    signalWriter: false,
  });
  assert.equal(header[Word.read], 32);
  assert.equal(incoming.read(), undefined);
});

test('a packet wraps at every place, header and footer included', () => {
  for (let start = 4096 - 64; start < 4096; start += 8) {
    const { memory, header } = ringOfPages(1);
    header[Word.write] = start;
    header[Word.read] = start;
    const [outgoing, incoming] = [new OutgoingRing(memory), new IncomingRing(memory)];
    const payload = Uint8Array.from({ length: 40 }, (_, index) => index + 1);
    assert.equal(outgoing.write(inBand(payload, { transactionId: BigInt(start) })), 'signal');
    const packet = incoming.read()?.packet;
    assert.deepEqual(packet?.payload, payload);
    assert.equal(packet.transactionId, BigInt(start));
    assert.equal(header[Word.read], (start + 64) % 4096);
    assert.equal(header[Word.read], header[Word.write]);
  }
});

test('the reader is signalled when its ring was empty and it wants to be', () => {
  const { memory, header } = ringOfPages(1);
  const [outgoing, incoming] = [new OutgoingRing(memory), new IncomingRing(memory)];
  assert.equal(outgoing.write(inBand(new Uint8Array(8))), 'signal');
  assert.equal(outgoing.write(inBand(new Uint8Array(8))), 'written');
  incoming.read();
  assert.equal(outgoing.write(inBand(new Uint8Array(8))), 'written');
  while (incoming.read() !== undefined);
  incoming.setSignalsWanted(false);
  assert.equal(header[Word.mask], 1);
  assert.equal(outgoing.write(inBand(new Uint8Array(8))), 'written');
  incoming.setSignalsWanted(true);
  assert.equal(incoming.isEmpty(), false);
});

test('a ring is never filled: 8 bytes stay free', () => {
  const { memory } = ringOfPages(1);
  const outgoing = new OutgoingRing(memory);
  assert.equal(outgoing.fits(4096 - 24 - 8), true);
  assert.equal(outgoing.fits(4096 - 24), false);
  assert.equal(outgoing.write(inBand(new Uint8Array(4096 - 24))), 'full');
  assert.equal(outgoing.write(inBand(new Uint8Array(4096 - 24 - 8))), 'signal');
  assert.equal(outgoing.hasRoom(0), false);
});

test('a packet of more units than its length field counts is never written', () => {
  const { memory } = ringOfPages(130);
  const outgoing = new OutgoingRing(memory);
  assert.equal(outgoing.fits(0xffff * 8 - 16), true);
  assert.equal(outgoing.fits(0xffff * 8 - 15), false);
});

test('a writer that finds no room says how much it needs, and takes it back when it has it', () => {
  const { memory, header } = ringOfPages(1);
  const [outgoing, incoming] = [new OutgoingRing(memory), new IncomingRing(memory)];
  while (outgoing.write(inBand(new Uint8Array(1000))) !== 'full');
  assert.equal(outgoing.awaitRoom(1000), false);
  assert.equal(header[Word.pending], 1024);
  const result = incoming.read();
  assert.equal(result?.signalWriter, true);
  assert.equal(outgoing.awaitRoom(1000), true);
  assert.equal(header[Word.pending], 0);
});

test('a writer is signalled once, by the read that opens the room it waits for', () => {
  const { memory, header } = ringOfPages(1);
  const [outgoing, incoming] = [new OutgoingRing(memory), new IncomingRing(memory)];
  // 20 packets of 200 bytes: 4000 used, 96 free.
  for (let count = 0; count < 20; count += 1) outgoing.write(inBand(new Uint8Array(176)));
  header[Word.pending] = 96 + 400;
  const signals = Array.from({ length: 20 }, () => incoming.read()?.signalWriter);
  assert.deepEqual(signals.indexOf(true), 2);
  assert.equal(signals.filter((signal) => signal === true).length, 1);
});

test('the low three bits of the pending size do not count', () => {
  // 8 bytes are free; the first read frees 1024 more. 1031 counts as 1024, which 1032 exceeds; 1032 it doesn't exceed.
  for (const [pending, readsUntilSignal] of [
    [1031, 1],
    [1032, 2],
  ] as const) {
    const { memory, header } = ringOfPages(1);
    const [outgoing, incoming] = [new OutgoingRing(memory), new IncomingRing(memory)];
    for (const space of [1024, 1024, 1024, 1016]) outgoing.write(inBand(new Uint8Array(space - 24)));
    header[Word.pending] = pending;
    const signals = Array.from({ length: 4 }, () => incoming.read()?.signalWriter);
    assert.equal(signals.indexOf(true) + 1, readsUntilSignal);
  }
});

test('a packet that needs more than the ring waits for an empty one', () => {
  const { memory } = ringOfPages(1);
  const [outgoing, incoming] = [new OutgoingRing(memory), new IncomingRing(memory)];
  outgoing.write(inBand(new Uint8Array(0)));
  assert.equal(outgoing.awaitRoom(100_000), false);
  assert.equal(incoming.read()?.signalWriter, true);
  assert.equal(outgoing.awaitRoom(100_000), true);
});

for (const [what, index] of [
  ['beyond the data', 4096],
  ['far beyond', 0xffff_fff8],
  ['not in units', 12],
] as const) {
  test(`an index ${what} ends the channel`, () => {
    const { memory, header } = ringOfPages(1);
    const [outgoing, incoming] = [new OutgoingRing(memory), new IncomingRing(memory)];
    header[Word.write] = index | 0;
    assert.throws(() => incoming.read(), ChannelFault);
    assert.throws(() => incoming.isEmpty(), ChannelFault);
    assert.throws(() => new IncomingRing(memory), ChannelFault);
    header[Word.write] = 0;
    header[Word.read] = index | 0;
    assert.throws(() => outgoing.write(inBand(new Uint8Array(0))), ChannelFault);
    assert.throws(() => outgoing.hasRoom(0), ChannelFault);
    assert.throws(() => new OutgoingRing(memory), ChannelFault);
  });
}

test('our own indices are never read back', () => {
  const { memory, header, data } = ringOfPages(1);
  const outgoing = new OutgoingRing(memory);
  outgoing.write(inBand(new Uint8Array(8)));
  header[Word.write] = 4000;
  outgoing.write(inBand(Uint8Array.of(7)));
  assert.equal(header[Word.write], 64);
  assert.equal(data[32 + 16], 7);
  const incoming = new IncomingRing(memory);
  header[Word.read] = 48;
  assert.equal(incoming.read()?.packet.payload.byteLength, 8);
  assert.equal(header[Word.read], 32);
});

const BAD_HEADERS: readonly { readonly what: string; readonly hex: string; readonly available: number }[] = [
  { what: 'of another type', hex: '0700 0200 0300 0000', available: 64 },
  { what: 'whose payload starts in its header', hex: '0600 0100 0300 0000', available: 64 },
  { what: 'whose payload starts behind its end', hex: '0600 0400 0300 0000', available: 64 },
  { what: 'shorter than its header', hex: '0600 0200 0100 0000', available: 64 },
  { what: 'longer than what was written', hex: '0600 0200 0800 0000', available: 64 },
  { what: 'longer than any ring', hex: '0600 0200 ffff 0000', available: 64 },
  { what: 'without room for any', hex: '0600 0200 0200 0000', available: 16 },
];

for (const { what, hex, available } of BAD_HEADERS) {
  test(`a packet ${what} ends the channel`, () => {
    const { memory, header, data } = ringOfPages(1);
    const incoming = new IncomingRing(memory);
    data.set(fromHex(hex));
    header[Word.write] = available;
    assert.throws(() => incoming.read(), ChannelFault);
  });
}

test('a payload may start behind the header', () => {
  const { memory, header, data } = ringOfPages(1);
  const incoming = new IncomingRing(memory);
  data.set(fromHex('0600 0300 0400 0000 0500000000000000 ffffffffffffffff 0102030405060708'));
  header[Word.write] = 40;
  assert.deepEqual(incoming.read()?.packet.payload, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
});
