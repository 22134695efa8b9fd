import assert from 'node:assert/strict';
import { test } from 'node:test';
import { irqchipRoutes } from '../../linux/index.ts';
import { RecordingVm } from '../testing/recording-vm.ts';
import { MsiRoutes } from './msi-routes.ts';

test('a route without a target delivers nothing and needs nothing of KVM', () => {
  const vm = new RecordingVm();
  const route = new MsiRoutes(vm).open();
  assert.deepEqual([vm.routeTables, vm.irqfds.size], [0, 0]);
  route.close();
  assert.equal(vm.routeTables, 0);
});

test("a connected route stands in the table behind the interrupt chips' pins", () => {
  const vm = new RecordingVm();
  const route = new MsiRoutes(vm).open();
  route.connect({ vp: 2, vector: 0x41 });
  assert.deepEqual(vm.routes, [...irqchipRoutes(), { gsi: 24, to: 'msi', address: 0xfee0_2000n, data: 0x41 }]);
  assert.deepEqual([...vm.irqfds], [[route.eventFd.fd, 24]]);
  route.close();
});

test('another target changes the table, the same one costs nothing', () => {
  const vm = new RecordingVm();
  const routes = new MsiRoutes(vm);
  const [first, second] = [routes.open(), routes.open()];
  first.connect({ vp: 0, vector: 0x41 });
  second.connect({ vp: 1, vector: 0x42 });
  first.connect({ vp: 0, vector: 0x41 });
  assert.equal(vm.routeTables, 2);
  first.connect({ vp: 1, vector: 0x41 });
  assert.equal(vm.routeTables, 3);
  assert.deepEqual(vm.msiOf(first.eventFd.fd), { address: 0xfee0_1000n, data: 0x41 });
  assert.deepEqual(vm.msiOf(second.eventFd.fd), { address: 0xfee0_1000n, data: 0x42 });
  first.close();
  second.close();
});

test('while a route is disconnected its interrupts wait in the eventfd', () => {
  const vm = new RecordingVm();
  const route = new MsiRoutes(vm).open();
  route.connect({ vp: 0, vector: 0x41 });
  route.disconnect();
  route.disconnect();
  assert.equal(vm.irqfds.size, 0);
  route.eventFd.signal();
  route.eventFd.signal();
  route.connect({ vp: 0, vector: 0x41 });
  assert.deepEqual([vm.irqfds.size, vm.routeTables], [1, 1], 'unmasking costs no new table');
  assert.equal(route.eventFd.drain(), 2n, 'KVM finds them when the irqfd is assigned');
  route.close();
});

test('a closed route frees its number and its eventfd, and leaves the table with the next change', () => {
  const vm = new RecordingVm();
  const routes = new MsiRoutes(vm);
  const [first, second] = [routes.open(), routes.open()];
  first.connect({ vp: 0, vector: 0x41 });
  second.connect({ vp: 0, vector: 0x42 });
  first.close();
  assert.deepEqual([...vm.irqfds], [[second.eventFd.fd, 25]]);
  assert.throws(() => first.eventFd.signal(), 'the descriptor is closed');
  assert.equal(vm.routeTables, 2, 'taking a function away does not wait for a table a vector');

  const third = routes.open();
  assert.equal(vm.irqfds.get(third.eventFd.fd), undefined);
  third.connect({ vp: 0, vector: 0x41 });
  assert.deepEqual(
    vm.routes.filter((route) => route.to === 'msi').map(({ gsi, data }) => [gsi, data]),
    [
      [25, 0x42],
      [24, 0x41],
    ],
  );
  assert.equal(vm.irqfds.get(third.eventFd.fd), 24);
  second.close();
  third.close();
});

test('when all routes are in use the refusal says what to do, until one is closed', () => {
  const routes = new MsiRoutes(new RecordingVm(), 2);
  const [first, second] = [routes.open(), routes.open()];
  assert.throws(() => routes.open(), /all 2 interrupt routes .* eject a function/);
  first.close();
  const third = routes.open();
  assert.throws(() => routes.open(), RangeError);
  second.close();
  third.close();
});
