import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { dda, diskOf, driverOf, first, groupOf, run } from './rig-functions.ts';

const record = `/run/dda/dismounted/${first}.json`;

test('dismount: the function is bound to vfio-pci, its node is there, its disk is gone', async () => {
  const disk = await diskOf(first);
  const result = await dda('dismount', first);
  assert.equal(result.exitCode, 0, result.notices);
  assert.equal(result.output, `${first} dismounted: ready to be lent\n`);
  assert.equal(driverOf(first), 'vfio-pci');
  assert.ok(existsSync(`/dev/vfio/${groupOf(first)}`));
  assert.ok(!existsSync(`/sys/class/block/${disk}`));
  const { hostDriver } = JSON.parse(readFileSync(record, 'utf8')) as { readonly hostDriver: string };
  assert.equal(hostDriver, 'nvme');
});

test('a second dismount changes nothing', async () => {
  const result = await dda('dismount', first);
  assert.deepEqual([result.exitCode, result.output, result.notices], [0, `${first} dismounted already\n`, '']);
});

test('the driver can not take it back by accident', async () => {
  run('sh', '-c', `echo ${first} > /sys/bus/pci/drivers_probe; echo 1 > /sys/bus/pci/rescan`);
  assert.equal(driverOf(first), 'vfio-pci');
});

test('mount: nvme has it again, and its disk can be read', async () => {
  const result = await dda('mount', first);
  assert.equal(result.exitCode, 0, result.notices);
  assert.equal(driverOf(first), 'nvme');
  assert.equal(readFileSync(`/sys/bus/pci/devices/${first}/driver_override`, 'utf8'), '(null)\n');
  assert.ok(!existsSync(record));
  run('dd', `if=/dev/${await diskOf(first)}`, 'of=/dev/null', 'bs=1M', 'count=4', 'status=none');
});

test('a second mount changes nothing', async () => {
  assert.equal((await dda('mount', first)).output, `${first} at the host already\n`);
});

test('a bridge, a function that is not there', async () => {
  const port = run('sh', '-c', 'ls /sys/bus/pci/drivers/pcieport | grep ^0000: | head -1').trim();
  const bridge = await dda('dismount', port);
  assert.deepEqual([bridge.exitCode, bridge.output], [5, '']);
  assert.match(bridge.notices, /\[not-an-endpoint\]/);
  assert.equal(driverOf(port), 'pcieport');
  assert.match((await dda('dismount', '7f:1f.7')).notices, /\[no-such-function\]/);
});
