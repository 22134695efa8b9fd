import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpyFunction } from '../testing/spy-function.ts';
import { fixture } from '../testing/fixture.ts';
import { WINDOW_GPA } from '../testing/linux-style-guest.ts';
import { formatVersion, VpciVersion } from '../wire/version.ts';

for (const version of Object.values(VpciVersion)) {
  test(`a Linux-style guest comes up with version ${formatVersion(version)} where that is the host's highest`, () => {
    const { fn, machine, provider, guest } = fixture({ maxVersion: version });
    const shown = guest.handshake();

    assert.equal(shown.version, version);
    assert.deepEqual(shown.functions, [
      { identity: new SpyFunction().identity, slot: 0, serial: 0x1234_5678, virtualNumaNode: undefined },
    ]);
    assert.deepEqual(shown.barMasks.get(0), [0xffff_c004, 0xffff_ffff, 0, 0, 0, 0]);
    assert.deepEqual(machine.window, {
      gpa: Number(WINDOW_GPA),
      plan: { kind: 'image', slot: 0, imageAddress: fn.configImageAddress },
    });

    const token = guest.createInterrupt(version, 0);
    assert.equal(token.vectorCount, 1);
    assert.equal(provider.interruptTarget(token)?.vector, 0x21);
    assert.deepEqual(provider.snapshot(), {
      connection: 'negotiated',
      version,
      relationsTold: true,
      windowGpa: Number(WINDOW_GPA),
      functions: [{ slot: 0, state: 'present', messages: 1 }],
    });
    assert.equal(guest.channel.closedReason, undefined);
  });
}

test('the packets of a 1.4 handshake, byte by byte', () => {
  const { guest } = fixture();
  guest.handshake();
  const packets = guest.channel.received.map(
    ({ kind, transactionId, payload }) => `${kind} ${transactionId} ${Buffer.from(payload).toString('hex')}`,
  );
  const description = '361b1000' + '02020801' + 'f41a0011' + '00000000' + '78563412' + '00000000' + '00000000';
  assert.deepEqual(packets, [
    'completion 1 0000000004000100',
    `in-band 0 1900494201000000${description}00000000`,
    'completion 2 0000000004c0ffffffffffff00000000000000000000000000000000' + '00000000',
    'completion 3 0000000000000000',
    `completion 4 ${'00'.repeat(136)}`,
  ]);
});

test('a guest that knows its NUMA nodes is told the node from 1.3 on', () => {
  const functions = [{ function: new SpyFunction(), serial: 7, virtualNumaNode: 2 }];
  const told = fixture({ functions }).guest.handshake().functions;
  assert.deepEqual([told[0]?.serial, told[0]?.virtualNumaNode], [7, 2]);
});
