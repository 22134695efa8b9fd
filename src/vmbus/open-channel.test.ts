import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NO_TAP, ZERO_GUID } from '../hyperv/index.ts';
import { OpenChannel, SEND_QUEUE_LIMITS } from './open-channel.ts';
import { IncomingRing } from './rings/incoming-ring.ts';
import { OutgoingRing } from './rings/outgoing-ring.ts';
import { RecordingDevice } from './testing/recording-device.ts';
import { ringOfPages } from './testing/ring-pages.ts';

const untapped = { tap: NO_TAP, identity: { relid: 1, interfaceId: ZERO_GUID, instanceId: ZERO_GUID, name: '' } };

/** A reader whose other side does something at the very moment when signals are asked for again. */
class RacingRing extends IncomingRing {
  race: () => void = () => undefined;

  override setSignalsWanted(wanted: boolean): void {
    if (wanted) this.race();
    super.setSignalsWanted(wanted);
  }
}

test('a packet that comes just before signals are wanted again is read without one', () => {
  const { memory } = ringOfPages(1);
  const incoming = new RacingRing(memory);
  const guest = new OutgoingRing(memory);
  const device = new RecordingDevice();
  const channel = new OpenChannel({
    incoming,
    outgoing: new OutgoingRing(ringOfPages(1).memory),
    device,
    ...untapped,
    signalGuest: () => assert.fail('the guest waits for nothing'),
    schedule: () => assert.fail('there is little to do'),
    onFault: assert.fail,
  });
  let late = 3;
  incoming.race = () => {
    if (late === 0) return;
    late -= 1;
    const result = guest.write({
      kind: 'in-band',
      transactionId: 0n,
      completionRequested: false,
      payload: new Uint8Array(8),
    });
    assert.equal(result, 'written', 'the guest is told not to signal');
  };
  channel.start(new Uint8Array(120));
  assert.equal(device.packets.length, 3);
  assert.equal(guest.isEmpty(), true);
});

test('room that opens just after it was asked for is used without a signal', () => {
  const ring = ringOfPages(1);
  const guest = new IncomingRing(ring.memory);
  const store = ring.memory.storeWord.bind(ring.memory);
  ring.memory.storeWord = (word, value) => {
    store(word, value);
    if (word === 'pendingSendSize' && value !== 0) while (guest.read() !== undefined);
  };
  const channel = new OpenChannel({
    incoming: new IncomingRing(ringOfPages(1).memory),
    outgoing: new OutgoingRing(ring.memory),
    device: new RecordingDevice(),
    ...untapped,
    signalGuest: () => undefined,
    schedule: () => assert.fail('there is little to do'),
    onFault: assert.fail,
  });
  for (let count = 0; count < 10; count += 1) channel.sendInBand(new Uint8Array(2000));
  assert.equal(channel.counters.queued, 0);
  assert.equal(channel.counters.packetsOut, 10);
});

/** More than a ring of one page and the queue behind it can take. */
const MOST_SENDS = 1000;

/** A channel of small rings whose guest reads only when it is told to, and what the host says of it. */
function unreadChannel() {
  const down = ringOfPages(1).memory;
  const guest = new IncomingRing(down);
  const faults: string[] = [];
  const later: (() => void)[] = [];
  const channel = new OpenChannel({
    incoming: new IncomingRing(ringOfPages(1).memory),
    outgoing: new OutgoingRing(down),
    device: new RecordingDevice(),
    ...untapped,
    signalGuest: () => undefined,
    schedule: (work) => later.push(work),
    onFault: (reason) => faults.push(reason),
  });
  const fill = (): void => {
    for (let count = 0; count < MOST_SENDS && channel.counters.queued === 0; count += 1) {
      channel.sendInBand(new Uint8Array(8));
    }
    assert.equal(channel.counters.queued, 1);
  };
  const readAll = (): number => {
    let packets = 0;
    while (packets < MOST_SENDS && guest.read() !== undefined) packets += 1;
    return packets;
  };
  return { channel, down, faults, later, fill, readAll };
}

test('as many packets may wait as the limit says, and one more is the end', () => {
  const { channel, faults, later, fill } = unreadChannel();
  fill();
  for (let count = 1; count < SEND_QUEUE_LIMITS.packets; count += 1) channel.sendInBand(new Uint8Array(8));
  assert.equal(channel.counters.queued, SEND_QUEUE_LIMITS.packets);
  assert.equal(later.length, 0);
  channel.sendInBand(new Uint8Array(8));
  assert.equal(faults.length, 0, 'not within the send');
  for (const work of later) work();
  assert.deepEqual(faults, ["the guest doesn't read: 257 packets wait for room in its ring"]);
});

test('as many bytes may wait as the limit says, and one more is the end', () => {
  const { channel, faults, later, fill } = unreadChannel();
  fill();
  for (let bytes = 8; bytes < SEND_QUEUE_LIMITS.bytes; bytes += 2048) {
    channel.sendInBand(new Uint8Array(Math.min(2048, SEND_QUEUE_LIMITS.bytes - bytes)));
  }
  assert.equal(later.length, 0);
  channel.sendInBand(new Uint8Array(1));
  for (const work of later) work();
  assert.equal(faults.length, 1);
});

test('what the guest has read late counts no more', () => {
  const { channel, later, readAll } = unreadChannel();
  let read = 0;
  for (let round = 0; round < 4; round += 1) {
    for (let count = 0; count < 60; count += 1) channel.sendInBand(new Uint8Array(3000));
    assert.ok(channel.counters.queued > 50);
    for (let turn = 0; turn < MOST_SENDS && channel.counters.queued > 0; turn += 1) {
      read += readAll();
      channel.pump();
    }
    read += readAll();
  }
  assert.equal(read, 240);
  assert.equal(channel.counters.packetsOut, 240);
  assert.equal(later.length, 0);
});

test('a channel that was stopped touches no ring, whoever calls it', () => {
  const { channel, down, faults, later, fill, readAll } = unreadChannel();
  fill();
  channel.stop();
  assert.equal(channel.counters.queued, 0);
  readAll();
  const writeIndex = down.loadWord('writeIndex');
  down.storeWord('readIndex', 3);
  channel.sendInBand(new Uint8Array(8));
  channel.complete(1n, new Uint8Array(8));
  channel.pump();
  assert.equal(down.loadWord('writeIndex'), writeIndex);
  assert.deepEqual([faults.length, later.length], [0, 0]);
});
