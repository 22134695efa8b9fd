import assert from 'node:assert/strict';
import test from 'node:test';
import { readFacts } from '../moves/host-facts.ts';
import { fakeHost } from '../testing/fake-host.ts';
import type { FunctionDescription, HostDescription } from '../testing/description.ts';
import { deviceNumber } from '../testing/build-tree.ts';
import { nvmeHost } from '../testing/hosts.ts';
import { usageOf } from './function-usage.ts';
import type { HostUse } from './function-usage.ts';
import { parseMountTable } from './storage-uses.ts';

const bdf = '0000:01:00.0';

function usesOf(changes: Partial<FunctionDescription>, rest: Partial<HostDescription>): readonly HostUse[] {
  return usageOf(readFacts(fakeHost(nvmeHost(changes, rest))).usage, bdf).uses;
}

function sentences(changes: Partial<FunctionDescription>, rest: Partial<HostDescription>): string[] {
  return usesOf(changes, rest).map((use) => `${use.needed ? 'needed' : 'light'}: ${use.sentence}`);
}

test('an idle disk is no use', () => {
  const { usage } = readFacts(fakeHost(nvmeHost()));
  assert.deepEqual(usageOf(usage, bdf), {
    uses: [],
    vfioHolders: [],
    blockDevices: ['nvme0n1', 'nvme0n1p1'],
    interfaces: [],
  });
});

test('a file system through LVM on LUKS on a partition', () => {
  const volumes = [
    { name: 'dm-0', on: ['nvme0n1p1'], mapper: 'crypt', uuid: 'CRYPT-LUKS2-0123-crypt' },
    { name: 'dm-1', on: ['dm-0'], mapper: 'vg-root', uuid: 'LVM-abcdef' },
  ];
  const mounts = [{ source: '/dev/mapper/vg-root', at: '/', number: deviceNumber('dm-1') }];
  assert.deepEqual(sentences({}, { volumes, mounts }), [
    'needed: /dev/mapper/crypt (CRYPT) is built on /dev/nvme0n1p1.',
    'needed: /dev/mapper/vg-root (LVM) is built on /dev/mapper/crypt.',
    'needed: /dev/mapper/vg-root is mounted at / (ext4).',
  ]);
});

test('swap on a partition', () => {
  assert.deepEqual(sentences({}, { swaps: ['/dev/nvme0n1p1'] }), ['needed: The host swaps to /dev/nvme0n1p1.']);
});

test('a file system that the mount table names by another device number, as btrfs does', () => {
  const mounts = [{ source: '/dev/nvme0n1', at: '/data', type: 'btrfs', number: '0:45' }];
  assert.deepEqual(sentences({}, { mounts }), ['needed: /dev/nvme0n1 is mounted at /data (btrfs).']);
});

test('a btrfs of two disks, of which the mount table names the other', () => {
  const other: FunctionDescription = {
    address: '0000:02:00.0',
    driver: 'nvme',
    group: 9,
    disks: [{ name: 'nvme1n1' }],
  };
  const mounts = [{ source: '/dev/nvme1n1', at: '/data', type: 'btrfs', number: '0:45' }];
  const host = fakeHost(nvmeHost({}, { functions: [other], mounts }));
  for (const member of ['nvme0n1', 'nvme1n1']) {
    host.tree.symbolicLink(`/sys/fs/btrfs/0f0f/devices/${member}`, `/sys/class/block/${member}`);
  }
  const { uses } = usageOf(readFacts(host).usage, bdf);
  assert.deepEqual(
    uses.map((use) => use.sentence),
    ['/dev/nvme0n1 is mounted at /data (btrfs).'],
  );
});

test('an NVMe disk that is reached through two controllers', () => {
  const path: FunctionDescription = {
    address: '0000:02:00.0',
    driver: 'nvme',
    group: 9,
    disks: [{ name: 'nvme0n1', multipath: 'nvme0c1n1' }],
  };
  const mounts = [{ source: '/dev/nvme0n1', at: '/data' }];
  const disks = [{ name: 'nvme0n1', multipath: 'nvme0c0n1' }];
  const [use] = usesOf({ disks }, { functions: [path], mounts });
  assert.match(use?.sentence ?? '', /is mounted at \/data \(ext4\)\. \/dev\/nvme0n1 is reached through 2 functions/);
  assert.match(use?.breaks ?? '', /a guest would write to \/dev\/nvme0n1 behind its back/);
});

const nic: Partial<FunctionDescription> = {
  class: '020000',
  driver: 'igb',
  disks: [],
  interfaces: [{ name: 'eth0', up: true }],
};

test('the interface with the default route', () => {
  assert.deepEqual(sentences(nic, { defaultRoutes: ['eth0'] }), [
    "needed: The host's default route goes through eth0.",
  ]);
});

test('the default route of IPv6', () => {
  const host = fakeHost(nvmeHost(nic));
  const zeros = '0'.repeat(32);
  host.tree.file(
    '/proc/net/ipv6_route',
    `${zeros} 00 ${zeros} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n` +
      `${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200       lo\n`,
  );
  assert.equal(usageOf(readFacts(host).usage, bdf).uses[0]?.kind, 'default-route');
});

test('the default route through a bridge above the interface', () => {
  const upperInterfaces = [{ name: 'br0', on: ['eth0'] }];
  assert.deepEqual(sentences(nic, { upperInterfaces, defaultRoutes: ['br0'] }), [
    "needed: The host's default route goes through br0, which is built on eth0.",
  ]);
});

test('a member of a bond', () => {
  const upperInterfaces = [{ name: 'bond0', on: ['eth0'] }];
  assert.deepEqual(sentences(nic, { upperInterfaces }), ['needed: eth0 belongs to bond0.']);
});

test('an interface that is up, and one that is down', () => {
  assert.deepEqual(sentences(nic, {}), ['light: The network interface eth0 is up.']);
  assert.deepEqual(sentences({ ...nic, interfaces: [{ name: 'eth0' }] }, {}), []);
});

test('the display that the machine booted on', () => {
  assert.deepEqual(sentences({ class: '030000', driver: 'i915', bootVga: true }, {}), [
    'needed: It drives the display that the machine booted on.',
  ]);
  assert.deepEqual(sentences({ class: '030000', driver: 'i915', bootVga: false }, {}), []);
});

test('a process that reads the disk itself; udev that looks at it for a moment', () => {
  const processes = [
    { id: 700, name: 'postgres', open: ['/dev/nvme0n1'] },
    { id: 701, name: '(udev-worker)', open: ['/dev/nvme0n1p1'] },
  ];
  assert.deepEqual(sentences({}, { processes }), ['needed: Process 700 (postgres) has /dev/nvme0n1 open.']);
});

test('a process whose first thread has a name of its own goes by what it was started as', () => {
  const processes = [{ id: 700, name: 'MainThread', open: ['/dev/nvme0n1'] }];
  const host = fakeHost(nvmeHost({}, { processes }));
  host.tree.symbolicLink('/proc/700/exe', '/usr/bin/node');
  assert.match(usageOf(readFacts(host).usage, bdf).uses[0]?.sentence ?? '', /Process 700 \(node\) has/);
});

test('processes that may not be looked into are counted', () => {
  const processes = [{ id: 1, name: 'systemd', open: undefined }];
  assert.equal(readFacts(fakeHost(nvmeHost({}, { processes }))).usage.hiddenProcesses, 1);
});

test('a directory that a hypervisor shares over virtio', () => {
  const host = fakeHost(nvmeHost({ class: '000200', driver: 'virtio-pci', disks: [] }));
  const path = '/sys/devices/pci0000:00/0000:00:04.0/0000:01:00.0/virtio1';
  host.tree.file(`${path}/mount_tag`, 'share\0').symbolicLink('/sys/bus/virtio/devices/virtio1', path);
  host.tree.file('/proc/self/mountinfo', '40 1 0:33 / /mnt rw - 9p share rw\n');
  assert.deepEqual(
    usageOf(readFacts(host).usage, bdf).uses.map((use) => use.sentence),
    ['The shared directory share is mounted at /mnt (9p).'],
  );
});

test('a mount table with blanks in paths, optional fields, and lines that make no sense', () => {
  const text = [
    '36 35 98:0 /mnt1 /mnt\\040two rw,noatime master:1 shared:2 - ext3 /dev/root\\040disk rw,errors=continue',
    'nonsense',
    '',
  ].join('\n');
  assert.deepEqual(parseMountTable(text), [
    { deviceNumber: '98:0', mountPoint: '/mnt two', fileSystem: 'ext3', source: '/dev/root disk' },
  ]);
});
