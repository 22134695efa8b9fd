import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG_WINDOW_BYTES } from '../config-window.ts';
import { fixture } from '../testing/fixture.ts';
import { WINDOW_GPA } from '../testing/linux-style-guest.ts';
import { encodeRequest } from '../wire/encode-guest.ts';
import { NtStatus } from '../wire/status.ts';
import { VpciVersion } from '../wire/version.ts';

const enter = (windowGpa: bigint = WINDOW_GPA) => encodeRequest('BUS_D0ENTRY', { windowGpa });

test("a second entry starts over: a crash kernel enters without its forerunner's exit", () => {
  const { fn, machine, provider, guest } = fixture();
  const { version } = guest.handshake();
  const token = guest.createInterrupt(version, 0);
  assert.equal(guest.askStatus(enter(0xf000_0000n)), NtStatus.SUCCESS);
  assert.equal(machine.window?.gpa, 0xf000_0000);
  assert.equal(provider.interruptTarget(token), undefined);
  assert.equal(fn.quiesced, 1);
});

test("the machine's refusal of a window reaches the guest, which retries as Linux does", () => {
  const { machine, provider, guest } = fixture();
  guest.channel.open();
  guest.negotiate([VpciVersion.V1_4]);
  guest.queryRelations();
  machine.windowAnswer = NtStatus.INVALID_PARAMETER;
  assert.equal(guest.askStatus(enter()), NtStatus.INVALID_PARAMETER);
  assert.equal(provider.snapshot().windowGpa, undefined);
  guest.tell(encodeRequest('RESOURCES_RELEASED', { slot: 0 }));
  assert.equal(guest.askStatus(encodeRequest('BUS_D0EXIT', {})), NtStatus.SUCCESS);
  machine.windowAnswer = true;
  assert.equal(guest.askStatus(enter()), NtStatus.SUCCESS);
});

test('exit takes the window, the tokens and the BARs; then the bus can enter again', () => {
  const { fn, machine, provider, guest } = fixture();
  const { version } = guest.handshake();
  guest.createInterrupt(version, 0);
  provider.configWindowWrite(0x1010, 4, 0xf800_0000);
  provider.configWindowWrite(0x1004, 2, 6);
  assert.equal(guest.askStatus(encodeRequest('BUS_D0EXIT', {})), NtStatus.SUCCESS);
  assert.equal(machine.window, undefined);
  assert.equal(machine.targets.size, 0);
  assert.equal(fn.command, 0);
  assert.equal(provider.configWindowRead(0x1000, 4), 0xffff_ffff);
  assert.equal(guest.askStatus(enter()), NtStatus.SUCCESS);
  assert.equal(provider.configWindowRead(0x1010, 4), 4);
});

test('a guest that enters without having asked is told the relations first', () => {
  const { guest } = fixture();
  guest.channel.open();
  guest.negotiate([VpciVersion.V1_4]);
  guest.ask(enter());
  assert.deepEqual(
    guest.channel.received.map(({ kind }) => kind),
    ['completion', 'in-band', 'completion'],
  );
  guest.ask(enter());
  assert.equal(guest.told.length, 1);
});

test('relations asked for with a completion get both, in-band relations first', () => {
  const { guest } = fixture();
  guest.channel.open();
  guest.negotiate([VpciVersion.V1_4]);
  guest.ask(encodeRequest('QUERY_BUS_RELATIONS', {}));
  assert.deepEqual(
    guest.channel.received.slice(1).map(({ kind, payload }) => [kind, payload.byteLength]),
    [
      ['in-band', 40],
      ['completion', 0],
    ],
  );
});

test('a window stands at a page below 2^52, whole', () => {
  const { machine, guest } = fixture();
  guest.handshake();
  const highest = (1n << 52n) - BigInt(CONFIG_WINDOW_BYTES);
  assert.equal(guest.askStatus(enter(highest)), NtStatus.SUCCESS);
  assert.equal(machine.window?.gpa, Number(highest));
  for (const windowGpa of [highest + 4096n, WINDOW_GPA + 8n, WINDOW_GPA + 2048n, (1n << 64n) - 4096n]) {
    assert.equal(guest.askStatus(enter(windowGpa)), NtStatus.BAD_DATA, windowGpa.toString(16));
    assert.equal(machine.window, undefined, 'the window before is left all the same: entering starts over');
  }
});
