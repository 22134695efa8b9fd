import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostFault } from '../../testing/faulty-host.ts';
import { lentNvme, World } from '../../testing/machine/index.ts';
import { encodeBusRelations, encodeEject, encodeStatus } from '../../wire/encode-host.ts';
import type { GuestMessageName } from '../../wire/guest-messages.ts';
import { NtStatus } from '../../wire/status.ts';
import { VpciVersion } from '../../wire/version.ts';
import { NvmeDriver } from '../nvme/index.ts';

/** Answers each message of that name in the provider's place; without a payload: never. */
function answering(name: GuestMessageName, payload: Uint8Array | undefined): HostFault {
  return {
    fromGuest: (packet, host) => {
      if (packet.name !== name) return false;
      if (payload !== undefined) host.send({ kind: 'completion', transactionId: packet.transactionId, payload });
      return true;
    },
  };
}

/** POWER_STATE_CHANGE's number for it (Windows wdm.h). */
const D3 = 4;

const windows = (...faults: HostFault[]) => new World({ kind: 'windows-style', faults });
const names = (world: World) => world.host.requests.map(({ name }) => name);

/** The bus isn't started, and nothing of the guest's is taken. */
function assertNotStarted(world: World): void {
  assert.deepEqual([world.guest.holdsBus, world.guest.driven, world.guest.version], [false, 0, undefined]);
  assert.equal(world.leaks, '');
}

/** The bus is there, its function isn't used, and only the config window is taken. */
function assertUnused(world: World): void {
  assert.deepEqual([world.guest.holdsBus, world.guest.driven], [true, 0], world.machine.logged.join('; '));
  assert.equal(world.leaks, '1 ranges');
  assert.equal(world.machine.port.targets.size, 0);
  world.guest.leave();
  world.pass();
  assert.equal(world.leaks, '');
}

test('a channel that does not open', () => {
  const world = new World({ kind: 'windows-style', windows: { open: () => undefined } }).start();
  assertNotStarted(world);
  assert.deepEqual(names(world), []);
});

test('a host that speaks none of the versions: all are asked for', () => {
  const world = windows(answering('QUERY_PROTOCOL_VERSION', encodeStatus(NtStatus.REVISION_MISMATCH))).start();
  assertNotStarted(world);
  assert.deepEqual(
    world.host.requests.map(({ payload }) => payload[4]),
    [6, 5, 4, 3, 2, 1],
  );
  assert.match(world.machine.logged.join(), /the bus does not start: 0xc0000059/);
});

test('a host that refuses a version for another reason isn’t asked for the next', () => {
  const world = windows(answering('QUERY_PROTOCOL_VERSION', encodeStatus(NtStatus.BAD_DATA))).start();
  assertNotStarted(world);
  assert.equal(names(world).length, 1);
});

test('versions in the order in which the guest wants them', () => {
  const versions = [VpciVersion.V1_1, VpciVersion.V1_4];
  const world = new World({ kind: 'windows-style', windows: { versions } }).start();
  assert.equal(world.guest.version, VpciVersion.V1_1);
  assert.equal(world.guest.driven, 1, world.machine.logged.join('; '));
  assert.equal(typeof world.verify(1), 'number');
});

test('no room for the config window: D0 is not asked for', () => {
  const world = windows();
  world.machine.allocateMmio = () => undefined;
  world.start();
  assertNotStarted(world);
  assert.ok(!names(world).includes('BUS_D0ENTRY'));
});

test('a host that refuses D0', () => {
  const world = windows(answering('BUS_D0ENTRY', encodeStatus(NtStatus.INVALID_PARAMETER))).start();
  assertNotStarted(world);
  world.guest.leave();
  world.pass();
  assert.ok(!names(world).includes('BUS_D0EXIT'));
});

test('a host that tells no relations: the bus is there, and empty', () => {
  const world = windows(answering('QUERY_BUS_RELATIONS', encodeStatus(NtStatus.NOT_SUPPORTED))).start();
  assertUnused(world);
});

for (const [name, payload, what] of [
  ['QUERY_RESOURCE_REQUIREMENTS', encodeStatus(NtStatus.BAD_DATA), /no requirements: 0xc000090b/],
  ['QUERY_RESOURCE_REQUIREMENTS', encodeStatus(NtStatus.SUCCESS), /no requirements: 0x0 SUCCESS/],
  ['RESOURCES_ASSIGNED3', encodeStatus(NtStatus.BAD_DATA), /not started: 0xc000090b/],
  ['RESOURCES_ASSIGNED3', encodeStatus(NtStatus.SUCCESS), /too short for resources/],
  ['POWER_STATE_CHANGE', encodeStatus(NtStatus.BAD_DATA), /no power state D0: 0xc000090b/],
] as const) {
  test(`a host whose answer to ${name} is ${payload[0] === 0 ? 'a bare success' : 'a refusal'}: the function isn't used`, () => {
    const world = windows(answering(name, payload)).start();
    assert.match(world.machine.logged.join('; '), what);
    assertUnused(world);
  });
}

test('a host that does not say where BARs are is none the worse for it', () => {
  const world = windows(answering('QUERY_RESOURCE_RESOURCES', encodeStatus(NtStatus.NOT_SUPPORTED))).start();
  assert.match(world.machine.logged.join('; '), /no resources: 0xc00000bb/);
  assert.equal(world.guest.driven, 1);
});

test('no room for a BAR: the host is told of no resources', () => {
  const world = windows();
  const allocate = world.machine.allocateMmio.bind(world.machine);
  world.machine.allocateMmio = (request) => (request.below4GiB ? allocate(request) : undefined);
  world.start();
  assert.ok(!names(world).includes('RESOURCES_ASSIGNED3'));
  assertUnused(world);
});

test('no vectors: the driver gives up, and the function goes back', () => {
  const world = windows();
  world.machine.allocateVector = () => undefined;
  world.start();
  assert.deepEqual(names(world).slice(-3), ['POWER_STATE_CHANGE', 'POWER_STATE_CHANGE', 'RESOURCES_RELEASED']);
  assertUnused(world);
});

test('a function that no driver knows is left alone', () => {
  const driver = new NvmeDriver();
  driver.matches = () => false;
  const world = new World({ kind: 'windows-style', driver }).start();
  assert.ok(!names(world).includes('QUERY_RESOURCE_REQUIREMENTS'));
  assertUnused(world);
});

test('started once, left once: the second time changes nothing', () => {
  const world = windows().start();
  const before = names(world).length;
  world.start();
  assert.equal(names(world).length, before);
  world.guest.leave();
  world.guest.leave();
  world.pass();
  assert.equal(names(world).filter((name) => name === 'BUS_D0EXIT').length, 1);
  assertNotStarted(world);
});

test('rescinded before it was started: it never is', () => {
  const world = windows();
  world.rescind();
  world.rescind();
  world.start();
  assertNotStarted(world);
  assert.deepEqual(names(world), []);
  assert.ok(world.released);
});

test('a function that the host doesn’t tell of any more is gone for the guest; one that comes is started', () => {
  const world = new World({ kind: 'windows-style', functions: [lentNvme(0), lentNvme(1)] }).start();
  assert.equal(world.guest.driven, 2, world.machine.logged.join('; '));
  world.machine.provider.surpriseRemoved();
  for (const slot of [0, 1]) world.machine.takeBack(slot);
  world.channel.onPacket({
    kind: 'in-band',
    transactionId: 0n,
    payload: encodeBusRelations(VpciVersion.V1_4, []),
  });
  world.pass();
  assert.equal(world.guest.driven, 0);
  assert.equal(world.nvme.controllers.length, 0);
  assertUnused(world);
});

test('an EJECT that comes before the system knows of the function is passed on when it does', () => {
  const world = windows({
    fromGuest: (packet, host) => {
      if (packet.name !== 'BUS_D0ENTRY') return false;
      host.pass(packet);
      host.eject();
      return true;
    },
  }).start();
  assert.deepEqual(world.machine.port.ejections, [{ slot: 0, outcome: 'completed' }]);
  assertUnused(world);
});

test('an EJECT of a slot that the host has told nothing of changes nothing', () => {
  const world = windows().start();
  world.channel.onPacket({ kind: 'in-band', transactionId: 0n, payload: encodeEject(5) });
  world.pass();
  assert.equal(world.guest.driven, 1);
  assert.ok(!names(world).includes('EJECTION_COMPLETE'));
});

test('a second EJECT while the guest lets go is no second ejection', () => {
  const world = windows({
    fromGuest: ({ name, payload }, host) => {
      if (name === 'POWER_STATE_CHANGE' && payload[8] === D3) host.send({ kind: 'in-band', payload: encodeEject(0) });
      return false;
    },
  }).start();
  world.machine.provider.eject();
  world.pass();
  assert.equal(names(world).filter((name) => name === 'EJECTION_COMPLETE').length, 1);
  assert.equal(world.guest.driven, 0);
});
