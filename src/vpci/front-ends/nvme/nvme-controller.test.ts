import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lentNvme, World } from '../../testing/machine/index.ts';
import type { Steps } from '../guest-threads.ts';

function running(functions = [lentNvme()]) {
  const world = new World({ kind: 'linux-style', functions }).start();
  const [controller] = world.nvme.controllers;
  assert.ok(controller, world.machine.logged.join('; '));
  return { world, controller };
}

/** What `steps` give, or the message of what they throw. */
function outcome<T>(world: World, steps: Steps<T>): T | string {
  let result: T | string = 'unfinished';
  world.machine.threads.spawn(
    'test',
    (function* () {
      try {
        result = yield* steps;
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        result = `${error.name}: ${error.message}`;
      }
    })(),
  );
  world.pass(20_000);
  return result;
}

/** From now on what the guest reads out of its buffers of `sizeBytes` has byte `at` wrong. */
function corrupt(world: World, sizeBytes: number, at: number): void {
  const allocate = world.machine.allocateDma.bind(world.machine);
  world.machine.allocateDma = (wanted) => {
    const buffer = allocate(wanted);
    return {
      ...buffer,
      read: (offset, bytes) => {
        const read = buffer.read(offset, bytes);
        if (bytes === sizeBytes) read[at] = (read[at] ?? 0) ^ 1;
        return read;
      },
    };
  };
}

test('it knows what it drives', () => {
  const { world, controller } = running();
  assert.ok(controller.model.length > 0);
  assert.equal(controller.model, controller.model.trim());
  assert.deepEqual(controller.namespace, { id: 1, blockBytes: 512, blockCount: 4096 });
  assert.deepEqual(
    controller.queues.map(({ id }) => id),
    [1, 2],
  );
  assert.equal(controller.services.name, '00.0');
  world.guest.leave();
  world.pass();
  assert.deepEqual(world.nvme.controllers, []);
});

test('transfers of one page, of two, and of more; each queue reads back what one wrote', () => {
  const { world, controller } = running();
  for (const blocks of [1, 8, 9, 16, 17, 100]) {
    assert.equal(outcome(world, controller.verify(200, blocks, blocks)), 2 * blocks * 512, `${blocks} blocks`);
  }
});

test('the blocks that were named are written, and no others', () => {
  const { world, controller } = running();
  outcome(world, controller.write(100, new Uint8Array(3 * 512).fill(1)));
  outcome(world, controller.write(101, new Uint8Array(512).fill(2), 1));
  const back = outcome(world, controller.read(99, 5 * 512, 1));
  assert.ok(back instanceof Uint8Array);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((block) => back[block * 512]),
    [0, 1, 2, 1, 0],
  );
});

for (const at of [0, 5 * 512 - 1]) {
  test(`one byte that reads back wrong is found, at ${at} of 2560`, () => {
    const { world, controller } = running();
    corrupt(world, 5 * 512, at);
    assert.equal(
      outcome(world, controller.verify(40, 5, 3)),
      `DriverFailure: block ${40 + Math.floor(at / 512)} reads back wrong`,
    );
  });
}

test('what cannot be asked for is refused before the controller hears of it', () => {
  const { world, controller } = running();
  assert.equal(outcome(world, controller.read(0, 0)), 'RangeError: 0 bytes are not whole blocks');
  assert.equal(outcome(world, controller.read(0, 513)), 'RangeError: 513 bytes are not whole blocks');
  assert.equal(outcome(world, controller.flush(2)), 'DriverFailure: there is no I/O queue 2');
  const { buffers } = world.machine.hardware.taken;
  assert.equal(typeof outcome(world, controller.verify(0, 8, 1)), 'number');
  assert.equal(world.machine.hardware.taken.buffers, buffers, 'nothing is left over');
});

test('a command that fails says what it was and with which status', () => {
  const { world, controller } = running();
  // Beyond the end: LBA Out of Range, NVMe 1.4 figure 128.
  assert.equal(outcome(world, controller.read(4096, 512)), 'DriverFailure: read: status 0x80');
  assert.equal(outcome(world, controller.write(2 ** 32, new Uint8Array(512))), 'DriverFailure: write: status 0x80');
  assert.equal(outcome(world, controller.read(4095, 1024)), 'DriverFailure: read: status 0x80');
  assert.ok(outcome(world, controller.read(4095, 512)) instanceof Uint8Array);
});

test('two vectors are enough for one queue; one is none', () => {
  const few = running([lentNvme(0, { msixVectors: 2 })]);
  assert.equal(few.controller.queues.length, 1);
  assert.equal(typeof few.world.verify(1), 'number');
  const world = new World({ kind: 'linux-style', functions: [lentNvme(0, { msixVectors: 1 })] }).start();
  assert.equal(world.guest.driven, 0);
  assert.match(world.machine.logged.join(), /1 interrupt vectors are not enough/);
  assert.equal(world.machine.hardware.taken.buffers, 0);
});

test('a controller whose BAR has gone is not shut down, only let go', () => {
  const { world, controller } = running();
  world.machine.barsYanked = true;
  const requests = world.machine.logged.length;
  assert.equal(outcome(world, controller.verify(0, 1, 1)), 'DriverFailure: the function is gone');
  world.guest.leave();
  world.pass();
  assert.equal(world.leaks, '');
  assert.ok(!world.machine.logged.slice(requests).some((line) => line.includes('not shut down')));
});

test('at rest it has no memory for its queues; back at work it has', () => {
  const { world } = running();
  const buffers = (): number => world.machine.hardware.taken.buffers;
  assert.equal(buffers(), 6, 'three pairs of queues');
  world.guest.sleep();
  world.pass();
  assert.equal(buffers(), 0);
  world.guest.wake();
  world.pass();
  assert.equal(buffers(), 6);
  assert.equal(typeof world.verify(2), 'number');
});
