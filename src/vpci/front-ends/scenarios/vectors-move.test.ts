import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventFd } from '../../../linux/index.ts';
import { MemoryChannel } from '../../../vmbus/index.ts';
import { INSTANCE_ID } from '../../testing/fixture.ts';
import { lentNvme, ModelMachine } from '../../testing/machine/index.ts';
import { LinuxBus } from '../linux/index.ts';
import { NvmeDriver } from '../nvme/index.ts';

test('a vector that moves costs a hypercall and no message, and no interrupt is lost', () => {
  const lent = lentNvme();
  const machine = new ModelMachine({ functions: [lent], makeEvent: () => EventFd.create() });
  const channel = new MemoryChannel(machine.provider);
  const driver = new NvmeDriver();
  const open = () => {
    channel.open();
    return channel;
  };
  const bus = new LinuxBus({ platform: machine, instanceId: INSTANCE_ID, drivers: [driver], open });
  bus.bind();
  machine.threads.advance(100);
  const [device] = bus.core?.devices ?? [];
  const [controller] = driver.controllers;
  assert.ok(device && controller);
  const told = () => JSON.stringify([...machine.port.targets]);
  const [before, packets, retargets] = [told(), channel.received.length, machine.counts.retargets];

  assert.equal(device.vectors.move(1), true);
  assert.notEqual(told(), before);
  assert.deepEqual([channel.received.length, machine.counts.retargets], [packets, retargets + 1]);
  let compared = 0;
  machine.threads.spawn(
    'I/O',
    (function* () {
      compared = yield* controller.verify(0, 8, 1);
    })(),
  );
  assert.equal(compared, 2 * 8 * 512);
  assert.equal(machine.counts.lostInterrupts, 0);
  assert.equal(machine.hardware.taken.vectors, 3);
});
