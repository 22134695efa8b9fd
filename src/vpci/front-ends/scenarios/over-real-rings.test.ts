import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventFd } from '../../../linux/index.ts';
import { VmbusTestbench } from '../../../vmbus/testing/index.ts';
import { VPCI_INTERFACE_ID } from '../../instance-id.ts';
import { INSTANCE_ID } from '../../testing/fixture.ts';
import { lentNvme, ModelMachine } from '../../testing/machine/index.ts';
import { LinuxBus } from '../linux/index.ts';
import { NvmeDriver } from '../nvme/index.ts';
import { PnpManager } from '../windows/index.ts';

for (const kind of ['linux-style', 'windows-style'] as const) {
  test(`${kind}: the whole life over a VMBus server and rings in guest memory`, () => {
    const machine = new ModelMachine({ functions: [lentNvme()], makeEvent: () => EventFd.create() });
    const bench = new VmbusTestbench();
    const { server, guest } = bench;
    const offer = server.offer({ interfaceId: VPCI_INTERFACE_ID, instanceId: INSTANCE_ID, device: machine.provider });
    guest.connect();
    guest.requestOffers();
    const driver = new NvmeDriver();
    let released = 0;
    const common = {
      platform: machine,
      drivers: [driver],
      open: () => guest.open(offer.relid),
      onReleased: () => void (released += 1),
    };
    const linux = kind === 'linux-style' ? new LinuxBus({ ...common, instanceId: INSTANCE_ID }) : undefined;
    const windows = linux === undefined ? new PnpManager(common) : undefined;
    linux?.bind();
    windows?.start();
    machine.threads.advance(100);
    const [controller] = driver.controllers;
    assert.ok(controller, machine.logged.join('; '));
    let compared = 0;
    machine.threads.spawn(
      'I/O',
      (function* () {
        for (let seed = 0; seed < 4; seed += 1) compared += yield* controller.verify(seed * 64, 64, seed);
      })(),
    );
    assert.equal(compared, 4 * 2 * 64 * 512);

    assert.equal(machine.provider.eject(), 'sent');
    bench.settle();
    machine.threads.advance(100);
    bench.settle();
    assert.deepEqual(machine.port.ejections, [{ slot: 0, outcome: 'completed' }]);
    linux?.rescinded();
    windows?.rescinded();
    offer.rescind();
    bench.settle();
    machine.threads.advance(1000);
    assert.deepEqual([released, machine.port.releases], [1, 1]);
    assert.deepEqual(machine.hardware.taken, { ranges: 0, buffers: 0, vectors: 0 });
  });
}
