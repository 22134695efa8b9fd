import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { openDisks } from '../../../src/host/index.ts';
import { emptyDisk } from './disk-file.ts';
import { fioVerifies } from './fio.ts';
import { withGuest } from './guest.ts';
import { guestPrograms } from './guest-programs.ts';
import { nvme } from './nvme-cli.ts';

const path = emptyDisk('split', 64 * 2 ** 20);
const disks = openDisks([{ path, readOnly: false, virtualFunctions: 2 }]);
after(() => disks.forEach((disk) => disk.close()));

test('two virtual functions of one disk: two controllers, one path each, taken away and given back', async () => {
  const files = guestPrograms(['/usr/bin/fio', '/usr/sbin/nvme']);
  await withGuest({ vcpus: 2, memoryMib: 768, disks, files }, async (guest) => {
    await guest.session.add('disk0.1');
    await guest.session.add('disk0.2');
    await guest.until('[ -c /dev/nvme0 ] && [ -c /dev/nvme1 ] && [ -b /dev/nvme0n1 ]');
    const ids = [await nvme(guest, 'id-ctrl /dev/nvme0'), await nvme(guest, 'id-ctrl /dev/nvme1')];
    assert.deepEqual(
      ids.map((controller) => Number(controller['cntlid'])).toSorted((a, b) => a - b),
      [1, 2],
    );
    assert.equal(ids[0]?.['subnqn'], ids[1]?.['subnqn']);
    await fioVerifies(guest, '/dev/nvme0n1', 'libaio');
    await guest.session.eject('disk0.1');
    await guest.verifyDisk(2);
    await guest.session.add('disk0.1');
    // The disk goes with its last path.
    await guest.until('[ "$(cat /sys/class/nvme/nvme*/state | grep -c live)" = 2 ]');
    await guest.session.rescind('disk0.2');
    await guest.verifyDisk(3);
    await guest.session.eject('disk0.1');
    await guest.until('[ ! -e /dev/nvme0 ] && [ ! -e /dev/nvme1 ]');
    assert.equal(
      readFileSync(path).every((byte) => byte === 0),
      false,
    );
  });
});
