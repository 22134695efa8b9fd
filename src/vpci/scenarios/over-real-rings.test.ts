import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmbusTestbench } from '../../vmbus/testing/index.ts';
import { VPCI_INTERFACE_ID } from '../instance-id.ts';
import { fixture, INSTANCE_ID } from '../testing/fixture.ts';
import { LinuxStyleDriver } from '../testing/linux-style-guest.ts';
import { encodeCreateInterrupt, encodeRequest } from '../wire/encode-guest.ts';
import { VpciVersion } from '../wire/version.ts';

/** The provider behind a VMBus server, and a guest with rings of Linux's size in its memory. */
function offered() {
  const { provider, machine } = fixture();
  const bench = new VmbusTestbench();
  const offer = bench.server.offer({ interfaceId: VPCI_INTERFACE_ID, instanceId: INSTANCE_ID, device: provider });
  bench.guest.connect();
  bench.guest.requestOffers();
  return { bench, offer, provider, machine, open: () => new LinuxStyleDriver(bench.guest.open(offer.relid)) };
}

test('probe, eject and rescind over rings in guest memory', () => {
  const { offer, provider, machine, open } = offered();
  const driver = open();
  assert.equal(driver.probe().version, VpciVersion.V1_4);
  assert.ok(provider.interruptTarget(driver.createInterrupt(VpciVersion.V1_4, 0)));
  assert.equal(provider.eject(), 'sent');
  driver.tell(encodeRequest('EJECTION_COMPLETE', { slot: 0 }));
  assert.deepEqual(driver.told.at(-1), { kind: 'eject', slot: 0 });
  assert.equal(machine.ejections.length, 1);
  offer.rescind();
  assert.equal(provider.snapshot().connection, 'closed');
  assert.equal(machine.window, undefined);
});

test('requests sent in one go, before the guest reads anything, are all answered in order', () => {
  const { bench, open } = offered();
  const driver = open();
  driver.probe();
  driver.channel.reading = false;
  const before = driver.channel.received.length;
  const request = { vector: 0x40, vectorCount: 1, deliveryMode: 'fixed', vps: [0] } as const;
  for (let id = 1n; id <= 64n; id++) {
    const payload = encodeCreateInterrupt(VpciVersion.V1_4, 0, request);
    assert.ok(driver.channel.trySend({ payload, transactionId: id, completionRequested: true }));
  }
  bench.settle();
  driver.channel.reading = true;
  driver.channel.interrupted();
  bench.settle();
  const answers = driver.channel.received.slice(before);
  assert.deepEqual(
    answers.map(({ transactionId }) => transactionId),
    Array.from({ length: 64 }, (_, i) => BigInt(i + 1)),
  );
});
