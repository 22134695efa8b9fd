import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NO_TAP, ZERO_GUID } from '../hyperv/index.ts';
import { OpenChannel } from './open-channel.ts';
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
