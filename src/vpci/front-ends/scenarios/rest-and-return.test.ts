import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostFault } from '../../testing/faulty-host.ts';
import { type GuestKind, lentNvme, World } from '../../testing/machine/index.ts';
import { encodeStatus } from '../../wire/encode-host.ts';
import type { GuestMessageName } from '../../wire/guest-messages.ts';
import { NtStatus } from '../../wire/status.ts';

const KINDS: readonly GuestKind[] = ['linux-style', 'windows-style'];

/** Refuses every message of that name after the first `honoured`. */
function refusing(refused: GuestMessageName, honoured: number): HostFault {
  let seen = 0;
  return {
    fromGuest: ({ name, transactionId }, host) => {
      if (name !== refused) return false;
      seen += 1;
      if (seen <= honoured) return false;
      host.send({ kind: 'completion', transactionId, payload: encodeStatus(NtStatus.INVALID_DEVICE_STATE) });
      return true;
    },
  };
}

function rest(world: World): void {
  world.guest.sleep();
  world.pass();
  world.guest.wake();
  world.pass();
}

test('linux-style: everything is made anew, and asked for in the order of a probe', () => {
  const world = new World({ kind: 'linux-style' }).start();
  const before = world.host.requests.length;
  rest(world);
  assert.deepEqual(
    world.host.requests.slice(before).map(({ name }) => name),
    [
      'RESOURCES_RELEASED',
      'BUS_D0EXIT',
      'QUERY_PROTOCOL_VERSION',
      'QUERY_BUS_RELATIONS',
      'BUS_D0ENTRY',
      'RESOURCES_ASSIGNED2',
      'CREATE_INTERRUPT3',
      'CREATE_INTERRUPT3',
      'CREATE_INTERRUPT3',
    ],
  );
  assert.equal(typeof world.verify(2), 'number');
});

test('linux-style: a block of MSI messages comes back, too', () => {
  const world = new World({ kind: 'linux-style', functions: [lentNvme(0, { msiVectors: 4 })] }).start();
  rest(world);
  assert.equal(world.guest.driven, 1, world.machine.logged.join('; '));
  assert.equal(typeof world.verify(2), 'number');
});

for (const refused of ['QUERY_PROTOCOL_VERSION', 'BUS_D0ENTRY', 'RESOURCES_ASSIGNED2'] as const) {
  test(`linux-style: a host that refuses ${refused} at the return: all is given back`, () => {
    const world = new World({ kind: 'linux-style', faults: [refusing(refused, 1)] }).start();
    assert.equal(world.guest.driven, 1);
    rest(world);
    assert.equal(world.guest.holdsBus, false);
    assert.match(world.machine.logged.join(), /probe fails: -EPROTO/);
    assert.equal(world.leaks, '');
    assert.equal(world.nvme.controllers.length, 0);
  });
}

test('linux-style: a host that gives no interrupts at the return: the driver lets go, the bus stays', () => {
  const world = new World({ kind: 'linux-style', faults: [refusing('CREATE_INTERRUPT3', 6)] }).start();
  assert.equal(world.guest.driven, 1);
  rest(world);
  assert.deepEqual([world.guest.driven, world.guest.holdsBus], [0, true]);
  world.guest.leave();
  world.pass();
  assert.equal(world.leaks, '');
});

test('windows-style: a host that refuses D0 at the return: the function is let go', () => {
  const world = new World({ kind: 'windows-style', faults: [refusing('POWER_STATE_CHANGE', 2)] }).start();
  assert.equal(world.guest.driven, 1);
  rest(world);
  assert.deepEqual([world.guest.driven, world.guest.holdsBus], [0, true]);
  assert.equal(world.nvme.controllers.length, 0);
  world.guest.leave();
  world.pass();
  assert.equal(world.leaks, '');
});

test('windows-style: a host that refuses the resources of a rebalance: the function is let go', () => {
  const world = new World({ kind: 'windows-style', faults: [refusing('RESOURCES_ASSIGNED3', 1)] }).start();
  world.guest.rebalance?.();
  world.pass();
  assert.equal(world.guest.driven, 0);
  assert.equal(world.machine.port.targets.size, 0);
  world.guest.leave();
  world.pass();
  assert.equal(world.leaks, '');
});

for (const kind of KINDS) {
  test(`${kind}: pulled out while at rest`, () => {
    const world = new World({ kind }).start();
    world.guest.sleep();
    world.rescind(true);
    world.guest.wake();
    world.pass();
    assert.ok(world.released);
    assert.equal(world.leaks, '');
    assert.equal(world.nvme.controllers.length, 0);
  });
}
