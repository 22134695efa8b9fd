import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HypercallStatus } from '../../../hyperv/index.ts';
import { deviceIdOf, domainOf } from '../../../vpci/index.ts';
import { encodeDeleteInterrupt } from '../../../vpci/testing/index.ts';
import { ones } from '../../testing/device-bench.ts';
import { BAR, CONFIG, LendingBench } from '../../testing/lent-function.ts';

const NO_DEADLINE_MS = 2 ** 40;

test('a guest is lent a function, uses it, gives it back, and can be lent it again', async () => {
  using bench = new LendingBench();
  const fn = bench.function();
  bench.connect();
  const assignment = bench.lend(fn);
  assert.deepEqual(fn.backend.log, ['reset', 'map-memory'], 'reset, and its DMA reaches the RAM, before it is offered');
  assert.equal(fn.backend.memory.length, bench.services.ram.regions.length);

  const lent = bench.probe();
  assert.equal(bench.read(CONFIG, 4), 0x0010_1b36n);
  assert.equal(bench.exits, 0, 'registers are read without an exit');
  lent.enable();
  assert.ok(fn.backend.log.includes('bus-master on'));
  bench.write(BAR + 0x10, 4, 0x1234n);
  assert.equal(fn.backend.ram(0)[0x10], 0x34);

  lent.useVector(2, { vector: 0x31, vps: [1] });
  const eventFd = fn.eventFdOf(2);
  assert.ok(eventFd !== undefined);
  assert.deepEqual(bench.vm.msiOf(eventFd), { address: 0xfee0_1000n, data: 0x31 });

  const ejected = bench.assignments.eject(assignment, NO_DEADLINE_MS);
  bench.vmbus.settle();
  assert.equal(lent.asked, true);
  assert.equal(bench.read(BAR + 0x10, 4), 0x1234n, 'it works until the guest has let go');
  lent.letGo();
  assert.equal(await ejected, 'ejected');
  assert.deepEqual([assignment.revoked, fn.backend.closed, bench.deviceSlots], [true, true, 0]);
  assert.deepEqual([bench.vm.irqfds.size, bench.assignments.live.length], [0, 0]);
  bench.vmbus.settle();
  assert.equal(bench.vmbus.guest.offers.size, 0);

  const again = bench.lend(bench.function({ name: 'fake1' }));
  assert.equal(domainOf(again.instanceId), 1, 'the guest has let go of the offer, so its domain is free');
  bench.probe().enable();
  assert.equal(bench.read(BAR + 0x10, 4), 0n);
  bench.assignments.rescindAll();
});

test('interrupts follow masking, retargeting and deletion', () => {
  using bench = new LendingBench();
  const fn = bench.function();
  bench.connect();
  const assignment = bench.lend(fn);
  const lent = bench.probe();
  lent.enable();
  const token = lent.useVector(0, { vector: 0x31, vps: [0] });
  const eventFd = fn.eventFdOf(0) ?? -1;

  lent.mask(0, true);
  assert.equal(bench.vm.msiOf(eventFd), undefined);
  lent.mask(0, false);
  assert.deepEqual(bench.vm.msiOf(eventFd), { address: 0xfee0_0000n, data: 0x31 });

  const retarget = (deviceId: number, vector: number): number =>
    bench.assignments.retarget({
      deviceId,
      message: { addressLow: Number(token.address & 0xffff_ffffn), data: token.data },
      vector,
      vps: [1],
      multicast: false,
    });
  const deviceId = deviceIdOf(assignment.instanceId, 0);
  assert.equal(retarget(deviceId, 0x41), HypercallStatus.SUCCESS);
  assert.deepEqual(bench.vm.msiOf(eventFd), { address: 0xfee0_1000n, data: 0x41 });
  assert.equal(retarget(deviceId, 5), HypercallStatus.INVALID_PARAMETER);
  assert.equal(retarget(deviceId + 0x1_0000, 0x42), HypercallStatus.INVALID_PARAMETER);
  assert.deepEqual(bench.vm.msiOf(eventFd), { address: 0xfee0_1000n, data: 0x41 });

  lent.driver.tell(encodeDeleteInterrupt(0, token));
  assert.equal(bench.vm.msiOf(eventFd), undefined);
  bench.assignments.rescindAll();
});

test('two functions share a guest and not an address, an interrupt or a fate', () => {
  using bench = new LendingBench();
  bench.connect();
  const [first, second] = [bench.function(), bench.function({ name: 'fake1' })];
  const one = bench.lend(first, 1);
  const lentOne = bench.probe();
  lentOne.enable();
  lentOne.useVector(0, { vector: 0x31, vps: [0] });
  bench.lend(second, 2);
  assert.throws(() => bench.probe(), /Linux gives up/, 'the first has its config window there');
  const window = 0xe800_0000n;
  bench.vmbus.guest.channels.get([...bench.vmbus.guest.channels.keys()].at(-1) ?? 0)?.close();
  bench.probe(window);
  assert.equal(bench.read(Number(window) + 0x1000, 4), 0x0010_1b36n);

  bench.assignments.rescind(one);
  assert.equal(bench.read(CONFIG, 4), ones(4));
  assert.equal(bench.read(Number(window) + 0x1000, 4), 0x0010_1b36n);
  assert.deepEqual([first.backend.closed, second.backend.closed], [true, false]);
  bench.assignments.rescindAll();
  assert.deepEqual([second.backend.closed, bench.deviceSlots], [true, 0]);
});
