import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtocolVersion } from '../../../src/vmbus/index.ts';
import { formatVersion, VpciVersion } from '../../../src/vpci/index.ts';
import { NVME, withGuest } from './guest.ts';

/** Each vPCI version that the in-box driver knows, each over another VMBus version. */
const pairs = [
  { vpciMaxVersion: VpciVersion.V1_1, vmbusMaxVersion: ProtocolVersion.V2_4, vmbus: '2.4' },
  { vpciMaxVersion: VpciVersion.V1_2, vmbusMaxVersion: ProtocolVersion.V4_1, vmbus: '4.1' },
  { vpciMaxVersion: VpciVersion.V1_3, vmbusMaxVersion: ProtocolVersion.V5_0, vmbus: '5.0' },
] as const;

for (const { vmbus, ...versions } of pairs) {
  const vpci = formatVersion(versions.vpciMaxVersion);
  test(`vPCI ${vpci} over VMBus ${vmbus}`, async () => {
    await withGuest({ ...versions, vcpus: 2 }, async (guest) => {
      await guest.session.add(NVME);
      await guest.verifyDisk(1);
      const log = await guest.run('dmesg');
      assert.match(log, new RegExp(`Vmbus version:${vmbus.replace('.', '\\.')}`));
      assert.match(log, new RegExp(`Using version 0x${versions.vpciMaxVersion.toString(16)}`));
      assert.deepEqual(await guest.complaints(), []);
      await guest.session.eject(NVME);
      await guest.session.add(NVME);
      await guest.verifyDisk(2);
      await guest.session.rescind(NVME);
      await guest.until('[ ! -b /dev/nvme0n1 ]');
    });
  });
}
