import type { FunctionDescription, HostDescription } from '../description.ts';

/**
 * A rack server whose management firmware watches devices through memory that it reserves for them (RMRR), as owners of HPE ProLiant
 * Gen8 and Gen9 machines report: Linux says "ineligible for IOMMU domain attach" for them. The firmware also keeps PCI Express
 * errors to itself.
 */
const port: Omit<FunctionDescription, 'address'> = {
  ids: '8086:2f04',
  class: '060400',
  driver: 'pcieport',
  bars: {},
  acs: 'on',
  aer: true,
};
const direct = '0x00000000791ed000 0x00000000791eefff direct\n0x00000000fee00000 0x00000000feefffff msi\n';
const relaxable = '0x000000007b800000 0x000000007fffffff direct-relaxable\n0x00000000fee00000 0x00000000feefffff msi\n';

export const rmrrServer: HostDescription = {
  drivers: ['vfio-pci'],
  portServices: {},
  defaultRoutes: ['eno1'],
  mounts: [{ source: '/dev/sda2', at: '/', type: 'xfs' }],
  reservedRegions: { 30: direct, 31: direct, 32: direct, 35: relaxable },
  functions: [
    { ...port, address: '0000:00:02.0', group: 10 },
    {
      address: '0000:03:00.0',
      below: ['0000:00:02.0'],
      ids: '103c:3239',
      class: '010400',
      driver: 'hpsa',
      group: 30,
      bars: { 0: 'memory64 1048576', 2: 'memory64 1024', 4: 'io 256' },
      msix: 64,
      msi: 1,
      reset: 'bus',
      disks: [{ name: 'sda', partitions: ['sda1', 'sda2'] }],
    },
    { ...port, address: '0000:00:02.2', group: 11 },
    {
      address: '0000:04:00.0',
      below: ['0000:00:02.2'],
      ids: '14e4:1657',
      class: '020000',
      driver: 'tg3',
      group: 31,
      acs: 'on',
      bars: { 0: 'memory64 prefetchable 65536', 2: 'memory64 prefetchable 65536' },
      msix: 17,
      msi: 8,
      reset: 'flr bus',
      interfaces: [{ name: 'eno1', up: true }],
    },
    {
      address: '0000:04:00.1',
      below: ['0000:00:02.2'],
      ids: '14e4:1657',
      class: '020000',
      driver: 'tg3',
      group: 32,
      acs: 'on',
      bars: { 0: 'memory64 prefetchable 65536', 2: 'memory64 prefetchable 65536' },
      msix: 17,
      msi: 8,
      reset: 'flr bus',
      interfaces: [{ name: 'eno2' }],
    },
    { ...port, address: '0000:00:03.0', group: 12 },
    {
      address: '0000:05:00.0',
      below: ['0000:00:03.0'],
      ids: '15b3:1003',
      class: '020000',
      driver: 'mlx4_core',
      group: 33,
      bars: { 0: 'memory64 1048576', 2: 'memory64 prefetchable 8388608' },
      msix: 128,
      reset: 'flr bus',
      totalVfs: 8,
      interfaces: [{ name: 'ens2' }],
    },
    {
      address: '0000:00:1d.0',
      ids: '8086:8d26',
      class: '0c0320',
      driver: 'ehci-pci',
      group: 35,
      conventional: true,
      msix: 0,
      bars: { 0: 'memory32 1024' },
      reset: 'af_flr',
    },
  ],
};
