import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import test from 'node:test';
import { readFacts } from '../moves/host-facts.ts';
import { fakeHost } from '../testing/fake-host.ts';
import { nvme, nvmeHost, rootPort } from '../testing/hosts.ts';
import type { MemoryTree } from '../tree/memory-tree.ts';
import { DirectoryTree } from '../tree/directory-tree.ts';
import { readInventory } from './inventory.ts';
import { parseResourceTable } from './resource-table.ts';

test('a function with all that the kernel says of it', () => {
  const host = fakeHost(
    nvmeHost({
      bars: { 0: 'memory64 prefetchable 16384', 2: 'memory32 4096', 4: 'io 32' },
      powerState: 'D0',
      enabled: true,
    }),
  );
  const { config, capabilities, ...fn } =
    readInventory(host.tree, host.ids).functions.get(nvme.address) ?? assert.fail();
  assert.equal(config.length, 4096);
  assert.deepEqual(capabilities, {
    expressPortType: 0,
    functionLevelReset: false,
    msiVectors: 0,
    msixVectors: 16,
    interruptLine: true,
    acs: undefined,
    errorReporting: false,
  });
  assert.deepEqual(fn, {
    name: '0000:01:00.0',
    address: { domain: 0, bus: 1, device: 0, function: 0 },
    identity: {
      vendorId: 0x1b36,
      deviceId: 0x0010,
      revisionId: 2,
      programmingInterface: 2,
      subClass: 8,
      baseClass: 1,
      subsystemVendorId: 0x1af4,
      subsystemId: 0x1100,
    },
    vendorName: 'Red Hat, Inc.',
    deviceName: 'QEMU NVM Express Controller',
    className: 'NVMe controller',
    modalias: 'pci:v00001b36d00000010',
    driver: 'nvme',
    iommuGroup: 5,
    numaNode: 0,
    bars: [
      { index: 0, kind: 'memory64', prefetchable: true, hostAddress: 0xfe00_0000n, sizeBytes: 16384 },
      { index: 2, kind: 'memory32', prefetchable: false, hostAddress: 0xfe20_0000n, sizeBytes: 4096 },
      { index: 4, kind: 'io', prefetchable: false, hostAddress: 0xfe40_0000n, sizeBytes: 32 },
    ],
    locationPath: 'PCIROOT(0)#PCI(0400)#PCI(0000)',
    bridges: ['0000:00:04.0'],
    sriov: { totalVfs: 0, virtualFunctions: [], physicalFunction: undefined },
    resetMethods: ['flr', 'bus'],
    bootDisplay: false,
    powerState: 'D0',
    enabled: true,
    vfioNode: undefined,
  });
});

test('physical and virtual functions name each other', () => {
  const vf = { address: '0000:01:00.1', below: ['0000:00:04.0'], group: 6, physicalFunction: nvme.address };
  const host = fakeHost(nvmeHost({ totalVfs: 4, virtualFunctions: [vf.address] }, { functions: [vf] }));
  const { functions } = readInventory(host.tree, host.ids);
  assert.deepEqual(functions.get(nvme.address)?.sriov, {
    totalVfs: 4,
    virtualFunctions: [vf.address],
    physicalFunction: undefined,
  });
  assert.equal(functions.get(vf.address)?.sriov.physicalFunction, nvme.address);
});

test('a root bus behind an Intel VMD, in a domain of five digits', () => {
  const behind = {
    address: '10000:e1:00.0',
    root: 'pci0000:00/0000:00:0e.0/pci10000:e0',
    below: ['10000:e0:06.0'],
    group: 7,
  };
  const host = fakeHost(nvmeHost({}, { functions: [behind] }));
  const fn = readInventory(host.tree, host.ids).functions.get(behind.address);
  assert.deepEqual(fn?.bridges, ['10000:e0:06.0']);
  assert.equal(fn?.locationPath, 'PCIROOT(10000E0)#PCI(0600)#PCI(0000)');
});

test("the root number is the firmware's where it gives one", () => {
  const host = fakeHost(nvmeHost({ root: 'pci0000:80', below: [] }));
  host.tree.file('/sys/devices/pci0000:80/firmware_node/uid', '7\n');
  assert.equal(readInventory(host.tree, host.ids).functions.get(nvme.address)?.locationPath, 'PCIROOT(7)#PCI(0000)');
});

test('groups with their members and reserved regions', () => {
  const host = fakeHost(nvmeHost());
  assert.deepEqual(readInventory(host.tree, host.ids).groups.get(5), {
    number: 5,
    members: [nvme.address],
    withoutIommu: false,
    reservedRegions: [{ start: 0xfee0_0000n, end: 0xfeef_ffffn, type: 'msi' }],
  });
});

test('functions come in the order of their addresses, and one that leaves meanwhile is left out', () => {
  const functions = [{ address: '0000:0a:00.0' }, { address: '0000:02:00.0' }, rootPort];
  const host = fakeHost({ functions });
  host.tree.symbolicLink('/sys/bus/pci/devices/0000:03:00.0', '../../../devices/pci0000:00/gone');
  assert.deepEqual(
    [...readInventory(host.tree, host.ids).functions.keys()],
    ['0000:00:04.0', '0000:02:00.0', '0000:0a:00.0'],
  );
});

test('a resource table with an unplaced BAR and lines that make no sense', () => {
  const text = [
    '0x0000000000000000 0x0000000000003fff 0x0000000020140204',
    'nonsense',
    '0x0000000000000000 0x0000000000000000 0x0000000000000000',
  ].join('\n');
  assert.deepEqual(parseResourceTable(text), [
    { index: 0, kind: 'memory64', prefetchable: false, hostAddress: undefined, sizeBytes: 16384 },
  ]);
});

test('a copy of the tree in a directory tells the same as the tree in memory', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'dda-tree-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const host = fakeHost(
    nvmeHost(
      { totalVfs: 2 },
      { mounts: [{ source: '/dev/nvme0n1p1', at: '/srv' }], processes: [{ id: 7, name: 'x', open: ['/dev/vfio/5'] }] },
    ),
  );
  writeTree(host.tree, directory);
  const copied = readFacts({ ...host, tree: new DirectoryTree(directory) });
  const { isAlive: _, ...facts } = readFacts(host);
  const { isAlive: __, ...copiedFacts } = copied;
  assert.deepEqual(copiedFacts, facts);
});

function writeTree(tree: MemoryTree, directory: string): void {
  for (const { path, content, target } of tree.entries()) {
    const place = directory + path;
    mkdirSync(dirname(place), { recursive: true });
    if (target !== undefined) symlinkSync(insideTarget(path, target), place);
    else if (content === undefined) mkdirSync(place, { recursive: true });
    else writeFileSync(place, content);
  }
}

/** Links into /sys lead there from the root of the copy; those of processes stay as they are. */
function insideTarget(path: string, target: string): string {
  return target.startsWith('/sys/') ? relative(dirname(path), target) : target;
}
