import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostFault } from '../../testing/faulty-host.ts';
import { lentNvme, World } from '../../testing/machine/index.ts';
import { decodeGuestMessage } from '../../wire/decode-guest.ts';
import { encodeStatus, encodeVersionReply } from '../../wire/encode-host.ts';
import { encodeRequest } from '../../wire/encode-guest.ts';
import { NtStatus } from '../../wire/status.ts';
import { VpciVersion } from '../../wire/version.ts';
import { IrpStatus } from '../windows/irp.ts';
import { BusNode, type FunctionNode } from '../windows/index.ts';

const names = (world: World) => world.host.requests.map(({ name }) => name);

/** A host that says it speaks a version which the provider knows nothing of, and resets functions. */
function newerHost(version: number): HostFault {
  return {
    fromGuest: (packet, host) => {
      const { transactionId } = packet;
      if (packet.name === 'QUERY_PROTOCOL_VERSION' && packet.payload[4] === (version & 0xff)) {
        host.pass({ ...packet, transactionId: 1n << 40n, payload: queryVersion(VpciVersion.V1_4) });
        host.send({ kind: 'completion', transactionId, payload: encodeVersionReply(NtStatus.SUCCESS, version) });
        return true;
      }
      if (packet.name !== 'RESET_DEVICE') return false;
      host.send({ kind: 'completion', transactionId, payload: encodeStatus(NtStatus.SUCCESS) });
      return true;
    },
  };
}

const queryVersion = (version: number) => encodeRequest('QUERY_PROTOCOL_VERSION', { version });

/** A bus without a plug-and-play manager: the test sends the request packets. */
function bareBus(world: World): { readonly bus: BusNode; readonly nodes: () => readonly FunctionNode[] } {
  const bus = new BusNode({
    platform: world.machine,
    open: () => {
      world.channel.open();
      return world.channel;
    },
    onRelationsChanged: () => undefined,
    onEjectRequested: () => undefined,
  });
  world.machine.threads.spawn(
    'test',
    (function* () {
      yield* bus.dispatch('start');
      yield* bus.dispatch('query-relations');
    })(),
  );
  return { bus, nodes: () => bus.nodes };
}

test('the messages of a start, and no other', () => {
  const world = new World({ kind: 'windows-style' }).start();
  assert.deepEqual(names(world), [
    ...Array.from({ length: 3 }, () => 'QUERY_PROTOCOL_VERSION'),
    'BUS_D0ENTRY',
    'QUERY_BUS_RELATIONS',
    'QUERY_RESOURCE_RESOURCES',
    'QUERY_RESOURCE_REQUIREMENTS',
    'RESOURCES_ASSIGNED3',
    'POWER_STATE_CHANGE',
  ]);
  assert.ok(world.host.requests.every(({ completionRequested }) => completionRequested));
  assert.deepEqual(
    world.host.requests.slice(0, 3).map(({ payload }) => payload[4]),
    [6, 5, 4],
  );
});

test('what is assigned is filled in: the place of each BAR, a descriptor for each message', () => {
  const world = new World({ kind: 'windows-style' }).start();
  const assigned = world.host.requests.find(({ name }) => name === 'RESOURCES_ASSIGNED3');
  assert.ok(assigned);
  const message = decodeGuestMessage(assigned.payload, VpciVersion.V1_4);
  assert.ok(message.kind === 'resources-assigned');
  assert.deepEqual(message.resources[0], { address: 0x10_0000_0000n, lengthBytes: 0x4000n });
  assert.deepEqual(
    message.interrupts.map((request) => request?.vps),
    [[0], [1], [0]],
  );
  assert.equal(world.machine.port.targets.size, 3);
  assert.equal(world.machine.counts.retargets, 0);
});

test('a rebalance asks, stops, moves and starts again; the disk keeps what it has', () => {
  const world = new World({ kind: 'windows-style' }).start();
  const { guest, machine } = world;
  assert.equal(typeof world.verify(1), 'number');
  const before = names(world).length;
  assert.ok(guest.rebalance);
  guest.rebalance();
  world.pass();
  assert.deepEqual(names(world).slice(before), [
    'QUERY_STOP',
    'POWER_STATE_CHANGE',
    'RESOURCES_RELEASED',
    'RESOURCES_ASSIGNED3',
    'POWER_STATE_CHANGE',
  ]);
  assert.equal(guest.driven, 1, machine.logged.join('; '));
  assert.equal(typeof world.verify(2), 'number');
  assert.equal(machine.port.targets.size, 3);

  const again = names(world).length;
  guest.rebalance(true);
  world.pass();
  assert.deepEqual(names(world).slice(again), ['QUERY_STOP', 'QUERY_STOP_FAILED']);
  assert.equal(typeof world.verify(3), 'number');
});

test('1.5: the interface of function pointers resets the function by a message', () => {
  const world = new World({ kind: 'windows-style', faults: [newerHost(0x1_0005)] });
  const { bus, nodes } = bareBus(world);
  assert.equal(bus.version, 0x1_0005);
  const [node] = nodes();
  assert.ok(node);
  let reset: boolean | undefined;
  world.machine.threads.spawn(
    'test',
    (function* () {
      const { information } = yield* node.dispatch('query-interface', undefined);
      reset = yield* information?.reset() ?? [];
    })(),
  );
  assert.equal(reset, true);
  assert.equal(names(world).at(-1), 'RESET_DEVICE');
});

test('before 1.5 there is no reset, and nothing is asked', () => {
  const world = new World({ kind: 'windows-style' });
  const { nodes } = bareBus(world);
  const [node] = nodes();
  assert.ok(node);
  const before = names(world).length;
  world.machine.threads.spawn(
    'test',
    (function* () {
      const { information } = yield* node.dispatch('query-interface', undefined);
      assert.equal(yield* information?.reset() ?? [], false);
    })(),
  );
  assert.equal(names(world).length, before);
});

test('1.6: interrupts are asked for as they are connected, and deleted as they are let go', () => {
  const world = new World({ kind: 'windows-style', faults: [newerHost(0x1_0006)] }).start();
  assert.equal(world.guest.version, 0x1_0006);
  assert.equal(world.guest.driven, 1, world.machine.logged.join('; '));
  assert.equal(names(world).filter((name) => name === 'CREATE_INTERRUPT3').length, 3);
  assert.equal(typeof world.verify(5), 'number');
  world.guest.leave();
  world.pass();
  assert.equal(names(world).filter((name) => name === 'DELETE_INTERRUPT').length, 3);
  assert.equal(world.leaks, '');
});

test('resources that cannot be had: the function is not started, and keeps nothing', () => {
  const refuse: HostFault = {
    fromGuest: (packet, host) => {
      if (packet.name !== 'RESOURCES_ASSIGNED3') return false;
      const { transactionId } = packet;
      host.send({ kind: 'completion', transactionId, payload: encodeStatus(NtStatus.INSUFFICIENT_RESOURCES) });
      return true;
    },
  };
  const world = new World({ kind: 'windows-style', faults: [refuse] }).start();
  assert.equal(world.guest.driven, 0);
  const { ranges, vectors } = world.machine.hardware.taken;
  assert.deepEqual([ranges, vectors], [1, 0], 'the config window alone');
});

test('a driver that is too few vectors gives the function back', () => {
  const world = new World({ kind: 'windows-style', functions: [lentNvme(0, { msixVectors: 1 })] }).start();
  assert.equal(world.guest.driven, 0);
  assert.match(world.machine.logged.join(), /not enough/);
  assert.equal(world.machine.port.targets.size, 0);
});

test('request packets after a surprise removal: nothing is sent', () => {
  const world = new World({ kind: 'windows-style' });
  const { bus, nodes } = bareBus(world);
  const [node] = nodes();
  assert.ok(node);
  bus.rescinded();
  const before = names(world).length;
  const statuses: number[] = [];
  world.machine.threads.spawn(
    'test',
    (function* () {
      statuses.push((yield* node.dispatch('start', { bars: [], messages: [] })).status);
      statuses.push((yield* node.dispatch('surprise-removal', undefined)).status);
      statuses.push((yield* node.dispatch('set-power', 'D3')).status);
      statuses.push((yield* node.dispatch('remove', undefined)).status);
    })(),
  );
  assert.deepEqual(statuses, [IrpStatus.NO_SUCH_DEVICE, 0, 0, 0]);
  assert.equal(node.state, 'removed');
  assert.equal(names(world).length, before);
});
