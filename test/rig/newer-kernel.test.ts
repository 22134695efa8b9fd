/** Debian's 6.12 kernel runs the rig too; a device may be absent until it is plugged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootRig } from '../../rig/index.ts';

test('a rig on the 6.12 kernel', async () => {
  await using rig = await bootRig({ kernel: '6.12', absent: ['nvme0'] });
  const shell = async (script: string): Promise<string> => (await rig.run(['sh', '-c', script])).stdout.trim();
  assert.match(await shell('uname -r'), /^6\.12\./);
  assert.equal(await shell('test -c /dev/kvm && test -c /dev/vfio/vfio && echo there'), 'there');
  assert.equal(await shell('ls /sys/bus/pci/drivers/nvme | grep -c ^0000:'), '0');
  await rig.plug('nvme0');
  const appears = 'for i in $(seq 100); do test -b /dev/nvme0n1 && echo there && exit; sleep 0.1; done';
  assert.equal(await shell(appears), 'there');
});
