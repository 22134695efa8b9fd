import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture } from '../testing/fixture.ts';
import { VpciVersion } from '../wire/version.ts';

test('closing releases everything, and another driver can start over with another version', () => {
  const { fn, machine, provider, guest } = fixture();
  guest.handshake();
  const token = guest.createInterrupt(VpciVersion.V1_4, 0);
  guest.channel.close();
  assert.equal(machine.window, undefined);
  assert.equal(machine.targets.size, 0);
  assert.equal(fn.quiesced, 1);
  assert.equal(provider.interruptTarget(token), undefined);
  assert.equal(provider.configWindowRead(0x1000, 2), 0xffff);
  assert.equal(provider.snapshot().connection, 'closed');

  assert.equal(guest.handshake([VpciVersion.V1_2]).version, VpciVersion.V1_2);
  const again = guest.createInterrupt(VpciVersion.V1_2, 0);
  assert.notEqual(again.data, token.data);
});

test('resources released: one function loses its tokens, the bus stays in D0', () => {
  const { fn, machine, provider, guest } = fixture();
  const { version } = guest.handshake();
  guest.createInterrupt(version, 0);
  guest.tell(Uint8Array.of(0x11, 0, 0x49, 0x42, 0, 0, 0, 0));
  assert.equal(machine.targets.size, 0);
  assert.equal(fn.quiesced, 1);
  assert.ok(machine.window);
  assert.ok(provider.interruptTarget(guest.createInterrupt(version, 0)));
});
