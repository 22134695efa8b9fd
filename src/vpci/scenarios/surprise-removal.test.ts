import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture } from '../testing/fixture.ts';
import { encodeRequest } from '../wire/encode-guest.ts';
import { NtStatus } from '../wire/status.ts';

test('config space reads all ones, writes are swallowed, tokens mean nothing', () => {
  const { fn, machine, provider, guest } = fixture();
  const { version } = guest.handshake();
  const token = guest.createInterrupt(version, 0);

  provider.surpriseRemoved();
  assert.deepEqual(machine.window?.plan, { kind: 'ones' });
  assert.equal(fn.quiesced, 1);
  fn.handedBack = true;
  assert.equal(provider.configWindowRead(0x1000, 2), 0xffff);
  assert.equal(provider.configWindowRead(0x1e00, 4), 0xffff_ffff);
  provider.configWindowWrite(0x1004, 2, 6);
  assert.equal(provider.interruptTarget(token), undefined);
  assert.equal(machine.targets.size, 0);

  // What was on its way from the guest is refused, and nothing touches the function any more.
  assert.equal(guest.askStatus(encodeRequest('QUERY_RESOURCE_REQUIREMENTS', { slot: 0 })), NtStatus.BAD_DATA);
  assert.equal(guest.askStatus(encodeRequest('RESOURCES_RELEASED', { slot: 0 })), NtStatus.BAD_DATA);
  guest.channel.release();
  assert.equal(machine.window, undefined);
  assert.equal(machine.releases, 1);
});

test('twice, after an eject, and before any guest: harmless', () => {
  const { fn, machine, provider, guest } = fixture();
  guest.handshake();
  provider.eject();
  provider.surpriseRemoved();
  provider.surpriseRemoved();
  assert.equal(fn.quiesced, 1);
  assert.equal(provider.eject(), 'gone');
  // The late answer to the eject comes to nothing.
  guest.tell(encodeRequest('EJECTION_COMPLETE', { slot: 0 }));
  guest.channel.close();
  assert.deepEqual(machine.ejections, []);

  const early = fixture();
  early.provider.surpriseRemoved();
  assert.deepEqual(early.guest.handshake().functions, []);
});
