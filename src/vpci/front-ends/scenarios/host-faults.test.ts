import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmbusTestbench } from '../../../vmbus/testing/index.ts';
import { VPCI_INTERFACE_ID } from '../../instance-id.ts';
import type { HostFault } from '../../testing/faulty-host.ts';
import { fixture, INSTANCE_ID } from '../../testing/fixture.ts';
import { FAULT_ROWS } from '../../testing/host-fault-rows.ts';
import { HOST_FAULTS } from '../../testing/host-faults.ts';
import { lentNvme, World } from '../../testing/machine/index.ts';
import type { GuestMessageName } from '../../wire/guest-messages.ts';
import { NtStatus } from '../../wire/status.ts';
import { VpciVersion } from '../../wire/version.ts';
import { LinuxBus, PciDomains } from '../linux/index.ts';

const linux = (...faults: HostFault[]) => new World({ kind: 'linux-style', faults });

/** The guest has let go of everything, and the offer with it. */
function assertReleased(world: World): void {
  world.pass();
  assert.equal(world.released, true, 'released');
  assert.equal(world.leaks, '');
  assert.equal(world.guest.holdsBus, false);
}

/** Works now, and lets go when asked to. */
function assertWorksAndEjects(world: World): void {
  assert.equal(world.guest.driven, 1, world.machine.logged.join('; '));
  assert.equal(typeof world.verify(3), 'number');
  assert.equal(world.machine.provider.eject(), 'sent');
  world.pass();
  assert.deepEqual(world.machine.port.ejections, [{ slot: 0, outcome: 'completed' }]);
  world.rescind();
  assertReleased(world);
}

function assertEjected(world: World): void {
  assert.deepEqual(world.machine.port.ejections, [{ slot: 0, outcome: 'completed' }], world.machine.logged.join('; '));
  assert.equal(world.guest.driven, 0);
  assert.equal(world.machine.port.targets.size, 0);
}

test('every row is a fault that has a name, or says why no host can cause it', () => {
  const named = new Set<string>(FAULT_ROWS.map(({ cause }) => cause));
  for (const name of Object.keys(HOST_FAULTS)) assert.ok(named.has(name), `${name} belongs to no row`);
  assert.equal(FAULT_ROWS.length, 29);
});

test('remove-during-relations: the probe ends, soon', () => {
  const world = linux(HOST_FAULTS['remove-during-relations']());
  world.guest.start();
  world.pass(200);
  assertReleased(world);
});

test('eject-during-interrupt-creation: the driver starts, then lets go', () => {
  const world = linux(HOST_FAULTS['eject-during-interrupt-creation']()).start();
  assertEjected(world);
  world.rescind();
  assertReleased(world);
});

test('eject-before-bus: an empty bus, rescinded at once', () => {
  const world = linux(HOST_FAULTS['eject-before-bus']()).start();
  assert.deepEqual(world.machine.port.ejections, [{ slot: 0, outcome: 'completed' }]);
  assertReleased(world);
});

test('an EJECT before the guest has worked off the relations finds no function, and is never answered', () => {
  const world = linux({
    fromGuest: (packet, host) => {
      if (packet.name !== 'QUERY_BUS_RELATIONS') return false;
      host.pass(packet);
      host.eject();
      return true;
    },
  }).start();
  assert.deepEqual(world.machine.port.ejections, []);
  assert.equal(world.guest.driven, 1, 'the guest goes on with it');
  world.rescind();
  assertReleased(world);
});

test('eject-then-rescind: the guest lets go of what has gone', () => {
  assertReleased(linux(HOST_FAULTS['eject-then-rescind']()).start());
});

test('eject-during-scan: first the scan, then the ejection', () => {
  const world = linux(HOST_FAULTS['eject-during-scan']()).start();
  assertEjected(world);
  assert.equal(world.guest.holdsBus, true);
  world.rescind();
  assertReleased(world);
});

test('relations-during-removal: nobody listens any more', () => {
  const world = linux(HOST_FAULTS['relations-during-removal']()).start();
  world.guest.leave();
  world.pass();
  assert.equal(world.leaks, '');
  assert.equal(world.guest.holdsBus, false);
});

test('d0-exit-silent: ten seconds, then the removal goes on', () => {
  const world = linux(HOST_FAULTS['d0-exit-silent']()).start();
  world.guest.leave();
  world.pass(9_900);
  assert.equal(world.guest.holdsBus, true);
  world.pass(200);
  assert.equal(world.guest.holdsBus, false);
  assert.equal(world.leaks, '');
});

test('silence after an ejection, then a rescind', () => {
  const world = linux(HOST_FAULTS['d0-exit-silent']()).start();
  world.machine.provider.eject();
  world.pass();
  world.rescind();
  assertReleased(world);
});

test('bars-gone-at-release: the driver had let go before', () => {
  const world = linux(HOST_FAULTS['bars-gone-at-release']()).start();
  const before = world.machine.counts.strayAccesses;
  world.guest.leave();
  world.pass();
  assert.equal(world.machine.barsYanked, true);
  assert.equal(world.machine.counts.strayAccesses, before);
  assert.equal(world.leaks, '');
});

test('rescind-mid-handshake: at each message of it', () => {
  const messages: readonly GuestMessageName[] = [
    'QUERY_PROTOCOL_VERSION',
    'QUERY_BUS_RELATIONS',
    'QUERY_RESOURCE_REQUIREMENTS',
    'BUS_D0ENTRY',
    'RESOURCES_ASSIGNED2',
    'CREATE_INTERRUPT3',
    'DELETE_INTERRUPT',
  ];
  for (const at of messages) {
    const world = linux(HOST_FAULTS['rescind-mid-handshake'](at));
    world.guest.start();
    assert.equal(world.host.requests.at(-1)?.name, at);
    assertReleased(world);
    assert.equal(world.host.requests.at(-1)?.name, at, 'nothing is sent after the rescind');
  }
});

test('completion-after-rescind: it is not looked at', () => {
  const world = linux(HOST_FAULTS['completion-after-rescind']()).start();
  assertReleased(world);
  assert.equal(world.host.requests.at(-1)?.name, 'BUS_D0ENTRY');
});

test('an offer that is rescinded before its driver is bound: no channel is opened', () => {
  const world = linux();
  world.rescind();
  world.guest.start();
  assertReleased(world);
  assert.deepEqual(world.host.requests, []);
});

test('an offer whose channel is never opened: the probe ends', () => {
  const world = new World({ kind: 'linux-style', linux: { open: () => undefined } }).start();
  assert.equal(world.guest.holdsBus, false);
  world.rescind();
  assertReleased(world);
});

test('an offer that nobody claims is released when it is rescinded', () => {
  const { provider, machine } = fixture();
  const bench = new VmbusTestbench();
  const offer = bench.server.offer({ interfaceId: VPCI_INTERFACE_ID, instanceId: INSTANCE_ID, device: provider });
  bench.guest.connect();
  bench.guest.requestOffers();
  offer.rescind();
  bench.settle();
  assert.equal(machine.releases, 1);
});

test('msi-never-completes: the wait ends with the function', () => {
  const world = linux(HOST_FAULTS['msi-never-completes']());
  world.guest.start();
  world.pass(1000);
  world.machine.provider.eject();
  world.pass(1000);
  assert.equal(world.guest.driven, 0);
  assert.deepEqual(world.machine.port.ejections, [], 'the driver is still at it');
  assert.ok(world.machine.counts.configAccesses > 10_000, 'it polls');
  world.rescind(true);
  assertReleased(world);
});

test('msi-completes-after-eject: the driver starts, then lets go', () => {
  const world = linux(HOST_FAULTS['msi-completes-after-eject']()).start();
  assertEjected(world);
  world.rescind();
  assertReleased(world);
});

test('retarget-refused: a block of messages that goes nowhere', () => {
  const functions = [lentNvme(0, { msiVectors: 4 })];
  const world = new World({ kind: 'linux-style', functions, faults: [HOST_FAULTS['retarget-refused']()] }).start();
  assert.equal(world.guest.driven, 0);
  assert.match(world.machine.logged.join(), /refuses to retarget/);
  world.rescind();
  assertReleased(world);
});

test('a block of messages, each retargeted by itself', () => {
  const world = new World({ kind: 'linux-style', functions: [lentNvme(0, { msiVectors: 4 })] }).start();
  const creates = world.host.requests.filter(({ name }) => name === 'CREATE_INTERRUPT3');
  assert.deepEqual(
    creates.map(({ payload }) => [payload[8], payload[14]]),
    [[0x20, 2]],
    'one request for all',
  );
  assertWorksAndEjects(world);
});

test('vectors have 32 bits from 1.4 on, and 8 before', () => {
  for (const [maxVersion, bytes] of [
    [VpciVersion.V1_3, [0xef, 0, 1, 0]],
    [VpciVersion.V1_4, [0xef, 0, 0, 0, 0, 0, 1, 0]],
  ] as const) {
    const world = new World({ kind: 'linux-style', maxVersion }).start();
    const create = world.host.requests.find(({ name }) => name?.startsWith('CREATE_INTERRUPT') === true);
    assert.deepEqual([...(create?.payload.subarray(8, 8 + bytes.length) ?? [])], bytes);
  }
});

test('d0-invalid-state: released, left, entered again', () => {
  const world = linux(HOST_FAULTS['d0-invalid-state']()).start();
  const names = world.host.requests.map(({ name }) => name);
  const first = names.indexOf('BUS_D0ENTRY');
  assert.deepEqual(names.slice(first, first + 4), ['BUS_D0ENTRY', 'RESOURCES_RELEASED', 'BUS_D0EXIT', 'BUS_D0ENTRY']);
  assertWorksAndEjects(world);
});

test('late-relations: waited for, and looked at again', () => {
  const world = linux(HOST_FAULTS['late-relations']());
  world.guest.start();
  world.pass(400);
  assert.equal(world.host.requests.at(-1)?.name, 'QUERY_BUS_RELATIONS');
  world.pass();
  assertWorksAndEjects(world);
});

test('mappings-dropped-over-resume: every message is made anew', () => {
  const world = linux(HOST_FAULTS['mappings-dropped-over-resume']()).start();
  world.guest.sleep();
  world.pass();
  assert.equal(world.machine.port.targets.size, 0);
  world.guest.wake();
  world.pass();
  assertWorksAndEjects(world);
});

test('two buses of one domain: the second takes the next free number', () => {
  const domains = new PciDomains();
  const worlds = [1, 2].map(() => new World({ kind: 'linux-style' }));
  const buses = worlds.map(({ machine, channel }) => {
    const open = () => {
      channel.open();
      return channel;
    };
    const bus = new LinuxBus({ platform: machine, instanceId: INSTANCE_ID, drivers: [], open, domains });
    bus.bind();
    return bus;
  });
  assert.deepEqual(
    buses.map(({ domain }) => domain),
    [0x9bcd, 0x9bce],
  );
  assert.equal(domains.take(0), 1, 'and never 0');
});

test('cycle after cycle leaves nothing behind', () => {
  const world = linux();
  for (let cycle = 0; cycle < 60; cycle += 1) {
    world.guest.start();
    world.pass(10);
    assert.equal(world.guest.driven, 1, `cycle ${cycle}`);
    world.guest.leave();
    world.pass(10);
    assert.equal(world.leaks, '', `cycle ${cycle}`);
    assert.equal(world.machine.port.targets.size, 0);
  }
  for (let cycle = 0; cycle < 40; cycle += 1) {
    const once = linux();
    once.guest.start();
    once.machine.provider.eject();
    once.rescind(cycle % 2 === 1);
    assertReleased(once);
  }
});

test('numa-node-out-of-range: node 0', () => {
  const world = linux(HOST_FAULTS['numa-node-out-of-range']());
  const { machine, channel } = world;
  const open = () => {
    channel.open();
    return channel;
  };
  const bus = new LinuxBus({ platform: machine, instanceId: INSTANCE_ID, drivers: [], open });
  bus.bind();
  assert.deepEqual(
    bus.children.map(({ description, numaNode }) => [description.virtualNumaNode, numaNode]),
    [[0x7fff, 0]],
  );
});

test('config-window-refused: two tries, and nothing left behind', () => {
  const world = linux(HOST_FAULTS['config-window-refused']()).start();
  assert.equal(world.host.requests.filter(({ name }) => name === 'BUS_D0ENTRY').length, 2);
  assert.equal(world.guest.holdsBus, false);
  assert.match(world.machine.logged.join(), /-EPROTO: D0 entry: 0xc0370048/);
  world.rescind();
  assertReleased(world);
});

test('version-downgrade: the next lower one; any other refusal is the end', () => {
  const world = linux(HOST_FAULTS['version-downgrade']()).start();
  assert.equal(world.guest.version, VpciVersion.V1_3);
  assertWorksAndEjects(world);
  const other = linux(HOST_FAULTS['version-downgrade'](NtStatus.INVALID_PARAMETER)).start();
  assert.equal(other.guest.holdsBus, false);
  assert.match(other.machine.logged.join(), /-EPROTO/);
});

test('bar-yank-during-eject: the driver reads all ones and lets go', () => {
  const world = linux(HOST_FAULTS['bar-yank-during-eject']()).start();
  world.machine.provider.eject();
  world.pass();
  assertEjected(world);
  world.rescind();
  assertReleased(world);
});

test('removed-during-callback: an empty bus', () => {
  const world = linux(HOST_FAULTS['removed-during-callback']()).start();
  assert.equal(world.guest.driven, 0);
  world.rescind(true);
  assertReleased(world);
});

test('forged-transaction: ignored', () => {
  const world = linux(HOST_FAULTS['forged-transaction']()).start();
  assert.ok(world.guest.ignoredPackets > 20);
  assertWorksAndEjects(world);
});

test('short-packet: pieces are ignored, and a vector without a token is dead', () => {
  const world = linux(HOST_FAULTS['short-packet']()).start();
  assert.ok(world.guest.ignoredPackets >= 2);
  assert.equal(world.guest.driven, 0);
  assert.match(world.machine.logged.join(), /in 8 bytes/);
  world.rescind();
  assertReleased(world);
});
