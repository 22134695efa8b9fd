import type { FunctionDescription, HostDescription } from '../description.ts';

/**
 * A two-socket server of the Xeon Scalable kind: every root port (8086:2030 …) and every downstream port of the PLX switch has ACS, so
 * each device is a group of its own. Two NVMe drives carry the system in a RAID with LVM on it; two more are spare.
 */
const port: Omit<FunctionDescription, 'address'> = {
  ids: '8086:2030',
  class: '060400',
  driver: 'pcieport',
  bars: {},
  acs: 'on',
  aer: true,
};
const socket0 = 'pci0000:17';
const socket1 = 'pci0000:d7';
const drive: Omit<FunctionDescription, 'address'> = { ids: '8086:0a54', driver: 'nvme', msix: 128 };
const toSwitch = ['0000:d7:00.0', '0000:d8:00.0'];

function switchPort(device: number, group: number): FunctionDescription {
  return {
    ...port,
    address: `0000:d9:0${device}.0`,
    root: socket1,
    below: toSwitch,
    ids: '10b5:8747',
    kind: 'downstreamSwitchPort',
    numaNode: 1,
    group,
  };
}

export const serverWithAcs: HostDescription = {
  drivers: ['vfio-pci'],
  iommuCapabilities: 'f020df',
  portServices: {
    '0000:17:00.0': ['pme', 'aer', 'hotplug'],
    '0000:17:02.0': ['pme', 'aer', 'hotplug'],
    '0000:d7:00.0': ['pme', 'aer'],
  },
  mounts: [{ source: '/dev/mapper/vg0-root', at: '/' }],
  swaps: ['/dev/mapper/vg0-swap'],
  volumes: [
    { name: 'md127', on: ['nvme0n1p1', 'nvme1n1p1'] },
    { name: 'dm-0', on: ['md127'], mapper: 'vg0-root', uuid: 'LVM-8aQ1GxSecretSecretSecret' },
    { name: 'dm-1', on: ['md127'], mapper: 'vg0-swap', uuid: 'LVM-8aQ1GxSecretSecretSecre2' },
  ],
  upperInterfaces: [{ name: 'bond0', on: ['ens1f0'] }],
  defaultRoutes: ['bond0'],
  reservedRegions: { 23: '0x00000000fee00000 0x00000000feefffff msi\n' },
  functions: [
    { ...port, address: '0000:17:00.0', root: socket0, numaNode: 0, group: 20 },
    {
      ...drive,
      address: '0000:18:00.0',
      root: socket0,
      below: ['0000:17:00.0'],
      numaNode: 0,
      group: 30,
      disks: [{ name: 'nvme0n1', partitions: ['nvme0n1p1'] }],
    },
    { ...port, address: '0000:17:02.0', root: socket0, ids: '8086:2032', numaNode: 0, group: 21 },
    {
      address: '0000:19:00.0',
      root: socket0,
      below: ['0000:17:02.0'],
      ids: '8086:1572',
      class: '020000',
      driver: 'i40e',
      numaNode: 0,
      group: 31,
      acs: 'on',
      msix: 129,
      msi: 1,
      bars: { 0: 'memory64 prefetchable 16777216', 3: 'memory64 prefetchable 32768' },
      totalVfs: 64,
      interfaces: [{ name: 'ens1f0', up: true }],
    },
    {
      address: '0000:19:00.1',
      root: socket0,
      below: ['0000:17:02.0'],
      ids: '8086:1572',
      class: '020000',
      driver: 'i40e',
      numaNode: 0,
      group: 32,
      acs: 'on',
      msix: 129,
      msi: 1,
      bars: { 0: 'memory64 prefetchable 16777216', 3: 'memory64 prefetchable 32768' },
      totalVfs: 64,
      interfaces: [{ name: 'ens1f1' }],
    },
    { ...port, address: '0000:d7:00.0', root: socket1, numaNode: 1, group: 22 },
    {
      ...port,
      address: '0000:d8:00.0',
      root: socket1,
      below: ['0000:d7:00.0'],
      ids: '10b5:8747',
      kind: 'upstreamSwitchPort',
      numaNode: 1,
      group: 40,
    },
    switchPort(4, 41),
    switchPort(5, 42),
    switchPort(6, 43),
    {
      ...drive,
      address: '0000:da:00.0',
      root: socket1,
      below: [...toSwitch, '0000:d9:04.0'],
      numaNode: 1,
      group: 44,
      disks: [{ name: 'nvme1n1', partitions: ['nvme1n1p1'] }],
    },
    {
      ...drive,
      address: '0000:db:00.0',
      root: socket1,
      below: [...toSwitch, '0000:d9:05.0'],
      numaNode: 1,
      group: 45,
      disks: [{ name: 'nvme2n1' }],
    },
    {
      ...drive,
      address: '0000:dc:00.0',
      root: socket1,
      below: [...toSwitch, '0000:d9:06.0'],
      numaNode: 1,
      group: 46,
      disks: [{ name: 'nvme3n1' }],
    },
  ],
};
