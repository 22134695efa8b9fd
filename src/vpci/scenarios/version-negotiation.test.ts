import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture } from '../testing/fixture.ts';
import { encodeRequest } from '../wire/encode-guest.ts';
import { NtStatus } from '../wire/status.ts';
import { VpciVersion } from '../wire/version.ts';

const ask = (version: number) => encodeRequest('QUERY_PROTOCOL_VERSION', { version });

test('versions that are not spoken get the one failure after which Linux goes on', () => {
  const { provider, guest } = fixture();
  guest.channel.open();
  for (const version of [0x1_0000, 0x1_0005, 0x1_0006, 0x1_0007, 0x2_0000, 0, 0xffff_ffff]) {
    assert.equal(guest.askStatus(ask(version)), NtStatus.REVISION_MISMATCH);
    assert.equal(provider.snapshot().connection, 'opened');
  }
  assert.equal(guest.askStatus(ask(0x1_0004)), NtStatus.SUCCESS);
});

test('the host can be held down', () => {
  const { guest } = fixture({ maxVersion: VpciVersion.V1_2 });
  guest.channel.open();
  assert.equal(guest.askStatus(ask(VpciVersion.V1_4)), NtStatus.REVISION_MISMATCH);
  assert.equal(guest.askStatus(ask(VpciVersion.V1_3)), NtStatus.REVISION_MISMATCH);
  assert.equal(guest.askStatus(ask(VpciVersion.V1_1)), NtStatus.SUCCESS);
});

test('a second version after success ends the channel', () => {
  const { guest } = fixture();
  guest.channel.open();
  guest.ask(ask(VpciVersion.V1_4));
  guest.ask(ask(VpciVersion.V1_4));
  assert.match(guest.channel.closedReason ?? '', /after one was settled/);
});

for (const [name, payload] of [
  ['another message', encodeRequest('QUERY_BUS_RELATIONS', {})],
  ['an unknown message', new Uint8Array(8)],
  ['a version message cut short', encodeRequest('QUERY_PROTOCOL_VERSION', {}).slice(0, 4)],
  ['nothing', new Uint8Array()],
] as const) {
  test(`${name} before a version is settled ends the channel`, () => {
    const { fn, provider, guest } = fixture();
    guest.channel.open();
    // Past the channel's padding: the provider sees exactly these bytes.
    assert.throws(() => provider.packet({ kind: 'in-band', transactionId: 1n, completionRequested: true, payload }), {
      name: 'ChannelFault',
    });
    provider.closed('fault');
    assert.equal(provider.snapshot().connection, 'closed');
    assert.equal(fn.quiesced, 1);
  });
}

test('a completion from the guest ends the channel: nothing was asked of it', () => {
  const { provider, guest } = fixture();
  guest.handshake();
  assert.throws(
    () =>
      provider.packet({
        kind: 'completion',
        transactionId: 1n,
        completionRequested: false,
        payload: new Uint8Array(8),
      }),
    { name: 'ChannelFault' },
  );
});
