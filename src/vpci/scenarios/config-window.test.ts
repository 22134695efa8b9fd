import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotOf } from '../slot.ts';
import { SpyFunction } from '../testing/spy-function.ts';
import { fixture } from '../testing/fixture.ts';
import { WINDOW_GPA } from '../testing/linux-style-guest.ts';
import { encodeRequest } from '../wire/encode-guest.ts';

test('one function: its image needs no exits, writes reach it', () => {
  const { fn, provider, guest } = fixture();
  assert.deepEqual(provider.configWindowPlan(), { kind: 'image', slot: 0, imageAddress: fn.configImageAddress });
  assert.equal(provider.configWindowRead(0x1000, 4), 0xffff_ffff, 'no window outside D0');
  guest.handshake();
  assert.equal(provider.configWindowRead(0x1000, 2), 0x1b36);
  assert.equal(provider.configWindowRead(0x1002, 1), 0x10);
  provider.configWindowWrite(0x1010, 4, 0xffff_ffff);
  assert.equal(provider.configWindowRead(0x1010, 4), 0xffff_c004);
  provider.configWindowWrite(0x1004, 2, 6);
  assert.equal(fn.command, 6);
});

test('accesses that no configuration space has read all ones and write nothing', () => {
  const { provider, guest } = fixture();
  guest.handshake();
  for (const [offset, sizeBytes, ones] of [
    [0x1002, 4, 0xffff_ffff],
    [0x1003, 2, 0xffff],
    [0x1000, 8, 0xffff_ffff],
    [0x1000, 3, 0xffff_ffff],
    [0x2000, 4, 0xffff_ffff],
    [0x0ffe, 4, 0xffff_ffff],
    [0x0800, 1, 0xff],
    [-4, 4, 0xffff_ffff],
  ] as const) {
    assert.equal(provider.configWindowRead(offset, sizeBytes), ones, `${offset}, ${sizeBytes}`);
    provider.configWindowWrite(offset, sizeBytes, 0);
  }
  assert.equal(provider.configWindowRead(0x1000, 4), 0x0010_1b36);
});

test('several functions: the selector chooses, an absent slot is all ones, a gone one, too', () => {
  const second = new SpyFunction({ identity: { ...new SpyFunction().identity, deviceId: 0x0011 } });
  const slot = slotOf(0, 1);
  const { provider, guest, machine } = fixture({
    functions: [{ function: new SpyFunction() }, { function: second, slot }],
  });
  const told = guest.handshake().functions;
  assert.deepEqual(
    told.map(({ slot: each, serial }) => [each, serial]),
    [
      [0, 0x1234_5678],
      [0x20, 0x1234_5698],
    ],
  );
  assert.deepEqual(machine.window?.plan, { kind: 'trap' });

  provider.configWindowWrite(0, 4, slot);
  assert.equal(provider.configWindowRead(0, 4), slot);
  assert.equal(provider.configWindowRead(0x1000, 4), 0x0011_1b36);
  provider.configWindowWrite(0, 2, 0);
  assert.equal(provider.configWindowRead(0x1000, 4), 0x0011_1b36, 'only a whole word selects');
  provider.configWindowWrite(0, 4, 7);
  assert.equal(provider.configWindowRead(0x1000, 4), 0xffff_ffff);
  provider.configWindowWrite(0x1004, 2, 6);
  assert.equal(second.command, 0);

  provider.eject(slot);
  guest.tell(Uint8Array.of(0x0f, 0, 0x49, 0x42, slot, 0, 0, 0));
  provider.configWindowWrite(0, 4, slot);
  assert.equal(provider.configWindowRead(0x1000, 4), 0xffff_ffff);
  provider.configWindowWrite(0, 4, 0);
  assert.equal(provider.configWindowRead(0x1000, 4), 0x0010_1b36);
  assert.deepEqual(machine.window?.plan, { kind: 'trap' });
  provider.surpriseRemoved();
  assert.deepEqual(machine.window?.plan, { kind: 'ones' });
});

test('a window that is entered anew has slot 0 selected', () => {
  const { provider, guest } = fixture();
  guest.handshake();
  provider.configWindowWrite(0, 4, 7);
  guest.ask(encodeRequest('BUS_D0EXIT', {}));
  guest.ask(encodeRequest('BUS_D0ENTRY', { windowGpa: WINDOW_GPA }));
  assert.equal(provider.configWindowRead(0x1000, 2), 0x1b36);
});

test('a lone function in another slot than 0 needs its selector', () => {
  const { provider } = fixture({ functions: [{ function: new SpyFunction(), slot: 1 }] });
  assert.deepEqual(provider.configWindowPlan(), { kind: 'trap' });
});

test('functions that cannot share a bus are refused', () => {
  const one = { function: new SpyFunction() };
  assert.throws(() => fixture({ functions: [] }), RangeError);
  assert.throws(() => fixture({ functions: [one, one] }), RangeError);
  assert.throws(() => fixture({ functions: [{ ...one, slot: 256 }] }), RangeError);
});
