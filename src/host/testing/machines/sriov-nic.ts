import type { FunctionDescription, HostDescription } from '../description.ts';

/**
 * A host with an Intel I350 network card: ACS in each of its functions, seven virtual functions each (8086:1520, MSI-X only, no line
 * interrupt). The first port carries the default route; the second has two virtual functions, of which a VM has one.
 */
const port = '0000:00:01.0';
const physical: Omit<FunctionDescription, 'address'> = {
  below: [port],
  ids: '8086:1521',
  class: '020000',
  driver: 'igb',
  msix: 10,
  msi: 1,
  acs: 'on',
  aer: true,
  totalVfs: 7,
  bars: { 0: 'memory32 131072', 2: 'io 32', 3: 'memory32 16384' },
  reset: 'flr bus',
};
const virtual: Omit<FunctionDescription, 'address'> = {
  below: [port],
  ids: '8086:1520',
  class: '020000',
  msix: 3,
  interruptPin: 0,
  bars: { 0: 'memory64 prefetchable 16384', 3: 'memory64 prefetchable 16384' },
  reset: 'flr',
  physicalFunction: '0000:01:00.1',
};

export const sriovNic: HostDescription = {
  drivers: ['vfio-pci'],
  portServices: { [port]: ['pme', 'aer'] },
  defaultRoutes: ['enp1s0f0'],
  processes: [{ id: 2201, name: 'qemu-system-x86', open: ['/dev/vfio/42', '/dev/kvm'] }],
  functions: [
    { address: port, ids: '8086:0c01', class: '060400', driver: 'pcieport', group: 1, bars: {}, acs: 'on', aer: true },
    { ...physical, address: '0000:01:00.0', group: 13, interfaces: [{ name: 'enp1s0f0', up: true }] },
    {
      ...physical,
      address: '0000:01:00.1',
      group: 14,
      virtualFunctions: ['0000:01:10.1', '0000:01:10.5'],
      interfaces: [{ name: 'enp1s0f1', up: true }],
    },
    { ...physical, address: '0000:01:00.2', group: 15, interfaces: [{ name: 'enp1s0f2' }] },
    { ...virtual, address: '0000:01:10.1', driver: 'vfio-pci', group: 42 },
    { ...virtual, address: '0000:01:10.5', driver: 'igbvf', group: 43, interfaces: [{ name: 'enp1s0f1v1' }] },
  ],
};
