import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture } from '../testing/fixture.ts';
import { encodeDeleteInterrupt, encodeRequest } from '../wire/encode-guest.ts';
import { NtStatus } from '../wire/status.ts';
import { VpciVersion } from '../wire/version.ts';

const EJECTED = encodeRequest('EJECTION_COMPLETE', { slot: 0 });

test('asked, the guest lets go, then the function is gone', () => {
  const { fn, machine, provider, guest } = fixture();
  const { version } = guest.handshake();
  const token = guest.createInterrupt(version, 0);

  assert.equal(provider.eject(), 'sent');
  assert.deepEqual(guest.told.at(-1), { kind: 'eject', slot: 0 });
  // Its driver still works with the device.
  provider.configWindowWrite(0x1004, 2, 6);
  assert.equal(provider.configWindowRead(0x1000, 4), 0x0010_1b36);
  assert.ok(provider.interruptTarget(token));
  guest.tell(encodeDeleteInterrupt(0, token));
  assert.equal(machine.targets.size, 0);
  assert.equal(fn.quiesced, 0);

  machine.onEjection = () => {
    fn.handedBack = true;
  };
  guest.tell(EJECTED);
  assert.deepEqual(machine.ejections, [{ slot: 0, outcome: 'completed' }]);
  assert.equal(fn.quiesced, 1);
  assert.deepEqual(machine.window?.plan, { kind: 'ones' });
  assert.equal(provider.configWindowRead(0x1000, 4), 0xffff_ffff);
  assert.deepEqual(guest.queryRelations(), []);
  guest.channel.release();
  assert.equal(machine.releases, 1);
});

test('EJECT goes out once for a slot, whoever asks and however often the channel is opened', () => {
  const { machine, provider, guest } = fixture();
  guest.handshake();
  assert.equal(provider.eject(), 'sent');
  assert.equal(provider.eject(), 'already-asked');
  assert.equal(guest.told.filter(({ kind }) => kind === 'eject').length, 1);
  guest.tell(EJECTED);
  assert.equal(provider.eject(), 'gone');
  assert.throws(() => provider.eject(3), RangeError);
  guest.tell(EJECTED);
  assert.equal(machine.ejections.length, 1);
});

test('a guest that was never told of the function is not asked, and not told later', () => {
  const { machine, provider, guest } = fixture();
  guest.channel.open();
  guest.negotiate([VpciVersion.V1_4]);
  assert.equal(provider.eject(), 'not-connected');
  assert.deepEqual(guest.queryRelations(), []);
  assert.equal(
    guest.told.some(({ kind }) => kind === 'eject'),
    false,
  );
  assert.deepEqual(machine.ejections, []);
});

test('without a guest driver there is nothing to ask', () => {
  const { fn, provider, guest } = fixture();
  assert.equal(provider.eject(), 'not-connected');
  assert.equal(provider.eject(), 'gone');
  fn.handedBack = true;
  assert.deepEqual(guest.handshake().functions, []);
});

test('an eject while the guest probes is answered before D0', () => {
  const { machine, provider, guest } = fixture();
  guest.channel.open();
  guest.negotiate([VpciVersion.V1_4]);
  guest.queryRelations();
  assert.equal(provider.eject(), 'sent');
  guest.tell(EJECTED);
  assert.deepEqual(machine.ejections, [{ slot: 0, outcome: 'completed' }]);
  // Linux goes on with an empty bus.
  assert.equal(guest.askStatus(encodeRequest('BUS_D0ENTRY', { windowGpa: 0xe000_0000n })), NtStatus.SUCCESS);
  assert.deepEqual(machine.window?.plan, { kind: 'ones' });
});

test('a guest that closes the channel instead of answering has let go, too', () => {
  const { fn, machine, provider, guest } = fixture();
  guest.handshake();
  provider.eject();
  machine.onEjection = () => {
    fn.handedBack = true;
  };
  guest.channel.close();
  assert.deepEqual(machine.ejections, [{ slot: 0, outcome: 'channel-closed' }]);
  assert.deepEqual(guest.handshake().functions, []);
});

test('a guest that reports a failed ejection still has the function', () => {
  const { machine, provider, guest } = fixture();
  guest.handshake();
  provider.eject();
  const failed = new Uint8Array(12);
  failed.set(EJECTED);
  new DataView(failed.buffer).setUint32(8, NtStatus.INVALID_DEVICE_STATE, true);
  guest.tell(failed);
  assert.deepEqual(machine.ejections, []);
  assert.equal(provider.eject(), 'already-asked');
  guest.tell(EJECTED);
  assert.equal(machine.ejections.length, 1);
});

test('an interrupt created while the eject is under way is served', () => {
  const { provider, guest } = fixture();
  const { version } = guest.handshake();
  provider.eject();
  assert.ok(provider.interruptTarget(guest.createInterrupt(version, 0)));
});

test('the owner may rescind from within the news of the ejection', () => {
  const { fn, machine, provider, guest } = fixture();
  guest.handshake();
  provider.eject();
  machine.onEjection = () => {
    fn.handedBack = true;
    guest.channel.close('the offer was rescinded');
  };
  guest.tell(EJECTED);
  assert.equal(provider.snapshot().connection, 'closed');
  assert.equal(machine.window, undefined);
});
