import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parsePciIds, readPciIds } from './pci-ids.ts';

const text = `# a comment
1af4  Red Hat, Inc.
\t1000  Virtio network device
# comments don't end a block
\t1001  Virtio block device
\t\t1af4 0002  Its first subsystem
\t\t1af4 0003  Its second
\t1002  Virtio memory balloon
1b36  Red Hat, Inc. (QEMU)
\t0010  QEMU NVM Express Controller
C 01  Mass storage controller
\t08  Non-Volatile memory controller
`;

test('names by number', () => {
  const ids = parsePciIds(text);
  assert.equal(ids.vendorName(0x1af4), 'Red Hat, Inc.');
  assert.equal(ids.deviceName(0x1af4, 0x1001), 'Virtio block device');
  assert.equal(ids.deviceName(0x1b36, 0x0010), 'QEMU NVM Express Controller');
  assert.equal(ids.subsystemName(0x1af4, 0x1001, 0x1af4, 0x0003), 'Its second');
});

test('a name is only looked for among its own vendor and device', () => {
  const ids = parsePciIds(text);
  assert.equal(ids.vendorName(0x8086), undefined);
  assert.equal(ids.deviceName(0x1af4, 0x0010), undefined);
  assert.equal(ids.deviceName(0x8086, 0x1000), undefined);
  assert.equal(ids.subsystemName(0x1af4, 0x1002, 0x1af4, 0x0003), undefined);
});

test('the first file that is there is read; without one there are no names', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'dda-pci-ids-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const missing = join(directory, 'missing');
  const present = join(directory, 'pci.ids');
  writeFileSync(present, text);
  assert.equal(readPciIds([missing, present]).vendorName(0x1b36), 'Red Hat, Inc. (QEMU)');
  assert.equal(readPciIds([missing]).vendorName(0x1b36), undefined);
});
