import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { linkName, openVfioDevice } from '../../../src/linux/index.ts';
import { bindTo } from './rig-devices.ts';

/** Two functions of the rig's chipset, which its IOMMU can't keep apart. */
const sata = '0000:00:1f.2';
const smbus = '0000:00:1f.3';
const group = (bdf: string): string | undefined => linkName(`/sys/bus/pci/devices/${bdf}/iommu_group`);

test('a function is not opened while the host drives another of its group', () => {
  assert.equal(group(sata), group(smbus));
  execFileSync('modprobe', ['i2c-i801']);
  assert.equal(existsSync(`/sys/bus/pci/devices/${smbus}/driver`), true);
  bindTo(sata, 'vfio-pci');
  assert.throws(() => openVfioDevice({ bdf: sata, backend: 'auto' }), {
    code: 'vfio-group-not-viable',
    message: /the host still drives 0000:00:1f\.3 \(i801_smbus\)\. Dismount every function/,
  });
  bindTo(smbus, undefined);
  const device = openVfioDevice({ bdf: sata, backend: 'auto' });
  assert.equal(device.readConfig(0, 2), 0x8086);
  assert.throws(() => openVfioDevice({ bdf: smbus, domain: device.domain }), {
    code: /vfio-(not-dismounted|backend-missing)/,
  });
  device.close();
  device.domain.close();
});
