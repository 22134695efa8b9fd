import type { FunctionDescription, HostDescription } from '../description.ts';

/**
 * A desktop with an AMD B550 chipset. The processor's own ports have ACS; the chipset is one switch without it, so its USB and SATA
 * controllers, the network chip and every slot behind it are one group, as owners of such boards report.
 */
const x16: FunctionDescription = {
  address: '0000:00:03.1',
  ids: '1022:1483',
  class: '060400',
  driver: 'pcieport',
  group: 8,
  bars: {},
  acs: 'on',
  aer: true,
};
const m2: FunctionDescription = { ...x16, address: '0000:00:01.1', group: 3 };
const chipset: FunctionDescription = { ...x16, address: '0000:00:02.1', group: 6 };

const chipsetGroup = 15;
const switchUp = '0000:02:00.2';
const belowSwitch = [chipset.address, switchUp];

function switchPort(address: string): FunctionDescription {
  return {
    address,
    below: belowSwitch,
    ids: '1022:43ea',
    class: '060400',
    kind: 'downstreamSwitchPort',
    driver: 'pcieport',
    group: chipsetGroup,
    bars: {},
    aer: true,
  };
}

export const consumerBoard: HostDescription = {
  drivers: ['vfio-pci'],
  portServices: {
    [m2.address]: ['pme', 'aer'],
    [chipset.address]: ['pme', 'aer'],
    [x16.address]: ['pme', 'aer'],
  },
  mounts: [
    { source: '/dev/nvme0n1p2', at: '/' },
    { source: '/dev/nvme0n1p1', at: '/boot/efi', type: 'vfat' },
  ],
  defaultRoutes: ['enp5s0'],
  functions: [
    {
      address: '0000:00:00.0',
      ids: '1022:1480',
      class: '060000',
      conventional: true,
      interruptPin: 0,
      msix: 0,
      group: 0,
      bars: {},
      reset: 'absent',
    },
    m2,
    {
      address: '0000:01:00.0',
      below: [m2.address],
      ids: '144d:a80a',
      driver: 'nvme',
      group: 14,
      disks: [{ name: 'nvme0n1', partitions: ['nvme0n1p1', 'nvme0n1p2'] }],
    },
    chipset,
    {
      address: '0000:02:00.0',
      below: [chipset.address],
      ids: '1022:43ee',
      class: '0c0330',
      driver: 'xhci_hcd',
      kind: 'legacyEndpoint',
      group: chipsetGroup,
      bars: { 0: 'memory64 32768' },
      msix: 0,
      msi: 8,
      reset: 'bus',
    },
    {
      address: '0000:02:00.1',
      below: [chipset.address],
      ids: '1022:43eb',
      class: '010601',
      driver: 'ahci',
      kind: 'legacyEndpoint',
      group: chipsetGroup,
      bars: { 5: 'memory32 131072' },
      msix: 0,
      msi: 1,
      reset: 'absent',
    },
    {
      address: switchUp,
      below: [chipset.address],
      ids: '1022:43e9',
      class: '060400',
      kind: 'upstreamSwitchPort',
      driver: 'pcieport',
      group: chipsetGroup,
      bars: {},
    },
    switchPort('0000:03:00.0'),
    switchPort('0000:03:09.0'),
    {
      address: '0000:04:00.0',
      below: [...belowSwitch, '0000:03:00.0'],
      ids: '1b21:2142',
      class: '0c0330',
      driver: 'xhci_hcd',
      group: chipsetGroup,
      bars: { 0: 'memory64 32768' },
      msix: 8,
      reset: 'bus',
    },
    {
      address: '0000:05:00.0',
      below: [...belowSwitch, '0000:03:09.0'],
      ids: '10ec:8125',
      class: '020000',
      driver: 'r8169',
      group: chipsetGroup,
      bars: { 0: 'io 256', 2: 'memory64 65536', 4: 'memory64 16384' },
      msix: 4,
      msi: 1,
      reset: 'bus',
      interfaces: [{ name: 'enp5s0', up: true }],
    },
    x16,
    {
      address: '0000:06:00.0',
      below: [x16.address],
      ids: '10de:2484',
      class: '030000',
      driver: 'nvidia',
      kind: 'legacyEndpoint',
      group: 16,
      bars: {
        0: 'memory32 16777216',
        1: 'memory64 prefetchable 268435456',
        3: 'memory64 prefetchable 33554432',
        5: 'io 128',
      },
      msix: 0,
      msi: 1,
      bootVga: true,
      reset: 'bus',
      screens: ['card0-DP-1'],
    },
    {
      address: '0000:06:00.1',
      below: [x16.address],
      ids: '10de:228b',
      class: '040300',
      driver: 'snd_hda_intel',
      group: 16,
      bars: { 0: 'memory32 16384' },
      msix: 0,
      msi: 1,
      reset: 'absent',
    },
  ],
};
