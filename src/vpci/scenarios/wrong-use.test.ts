import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeMachine } from '../testing/fake-machine.ts';
import { fixture, INSTANCE_ID } from '../testing/fixture.ts';
import { SpyFunction } from '../testing/spy-function.ts';
import { type BusFunctionOptions, VpciProvider } from '../provider.ts';

const busOf = (...functions: readonly Omit<BusFunctionOptions, 'function'>[]): VpciProvider =>
  new VpciProvider({
    instanceId: INSTANCE_ID,
    functions: functions.map((options) => ({ function: new SpyFunction(), ...options })),
    port: new FakeMachine(),
  });

test('a bus has a function, and each of them a slot of its own', () => {
  assert.throws(() => busOf(), { name: 'RangeError', message: 'A vPCI bus needs a function' });
  assert.throws(() => busOf({ slot: 3 }, { slot: 3 }), {
    name: 'RangeError',
    message: 'Two functions in 03.0 of a vPCI bus',
  });
  for (const slot of [-1, 256, 0.5]) assert.throws(() => busOf({ slot }), RangeError, `${slot}`);
  assert.deepEqual(
    busOf({ slot: 255 }, {})
      .snapshot()
      .functions.map(({ slot }) => slot),
    [255, 0],
  );
});

test('a function that the bus does not have cannot be ejected', () => {
  assert.throws(() => busOf({ slot: 3 }).eject(4), { name: 'RangeError', message: 'No function in 04.0 of this bus' });
});

test('a packet of a channel that is not open is a mistake of the machine', () => {
  const { provider } = fixture();
  const packet = {
    kind: 'in-band',
    transactionId: 0n,
    completionRequested: false,
    payload: new Uint8Array(8),
  } as const;
  assert.throws(() => provider.packet(packet), /channel that is not open/);
});

test('a channel that was never open may be closed, and nothing comes of it', () => {
  const { fn, machine, provider } = fixture();
  provider.closed('never opened');
  assert.deepEqual([fn.quiesced, machine.logged, provider.snapshot().connection], [0, [], 'closed']);
});
