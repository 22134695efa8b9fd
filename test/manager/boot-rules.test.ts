import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootRig, type Rig } from '../../rig/index.ts';
import { keepRules } from '../../src/host/manager/keep-rules.ts';

const kept = '0000:01:00.0';
const other = '0000:02:00.0';

async function sh(rig: Rig, command: string): Promise<string> {
  const { exitCode, stdout, stderr } = await rig.run(['sh', '-ec', command]);
  assert.equal(exitCode, 0, `${command}: ${stderr}`);
  return stdout.trim();
}

test('udev keeps a dismounted function from the driver that it loads for the others when the host starts', async () => {
  await using rig = await bootRig({ nvmeControllers: 2 });
  const rules = keepRules([
    {
      name: kept,
      ids: '1b36:0010',
      group: '0',
      physicalFunction: undefined,
      resettable: 'yes',
      present: true,
      owner: { kind: 'pool', pool: 'default' },
    },
  ]);
  const directory = '/etc/udev/rules.d';
  await sh(rig, `mkdir -p ${directory} /run/udev`);
  await rig.run(['tee', `${directory}/50-dda.rules`], { input: rules });
  const driver = (name: string): Promise<string> =>
    sh(rig, `basename "$(readlink /sys/bus/pci/devices/${name}/driver || echo none)"`);

  // As before the driver is loaded, in a host that has just started.
  await sh(rig, 'modprobe -r nvme');
  assert.deepEqual([await driver(kept), await driver(other)], ['none', 'none']);
  await sh(rig, `/lib/systemd/systemd-udevd --daemon`);
  await sh(rig, `udevadm trigger --action=add --subsystem-match=pci && udevadm settle --timeout=60`);
  assert.equal(await driver(other), 'nvme', 'udev has loaded the driver');
  assert.notEqual(await driver(kept), 'nvme', 'and it did not get the function that is dismounted');
  assert.equal(await sh(rig, `cat /sys/bus/pci/devices/${kept}/driver_override`), 'vfio-pci');
  await sh(rig, `udevadm control --exit`);
});
