import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { KernelLog, type KernelLogRecord, readAttribute, type Uevent, UeventSocket } from '../../../src/linux/index.ts';
import { bindTo, nvmeControllers } from './rig-devices.ts';

const [bdf] = nvmeControllers((name) => readAttribute(`/sys/bus/pci/devices/${name}/class`));
assert.ok(bdf !== undefined);

test('drivers that come and go are told, in order', async () => {
  bindTo(bdf, undefined);
  const socket = UeventSocket.open();
  const events: Uevent[] = [];
  const bound = new Promise<void>((resolve) => {
    socket.onEvent((event) => {
      assert.ok(event !== 'overrun');
      events.push(event);
      if (event.action === 'bind' && event.devicePath.endsWith(`/${bdf}`)) resolve();
    });
  });
  bindTo(bdf, 'vfio-pci');
  await bound;
  socket.close();
  const bind = events.find(({ action }) => action === 'bind');
  assert.equal(bind?.subsystem, 'pci');
  assert.equal(bind?.properties.get('PCI_SLOT_NAME'), bdf);
  assert.equal(bind?.properties.get('DRIVER'), 'vfio-pci');
  const numbers = events.map(({ sequence }) => sequence);
  assert.deepEqual(
    numbers,
    numbers.toSorted((one, other) => one - other),
  );
});

test("the kernel's log, from now on", async () => {
  writeFileSync('/dev/kmsg', '<4>dda-test: before\n');
  const log = KernelLog.open();
  const told = new Promise<KernelLogRecord | 'overrun'>((resolve) => void log.onRecord(resolve));
  writeFileSync('/dev/kmsg', '<4>dda-test: after\n');
  const record = await told;
  log.close();
  assert.ok(record !== 'overrun');
  assert.deepEqual([record.level, record.text], [4, 'dda-test: after']);
  assert.ok(record.facility > 0, 'no process can pose as the kernel');
});
