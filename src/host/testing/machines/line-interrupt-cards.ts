import type { HostDescription } from '../description.ts';

/**
 * A board with conventional slots behind a PCI Express to PCI bridge (ASMedia 1b21:1080), with a Sound Blaster Live! (I/O ports, line
 * interrupt) and an MPEG encoder card (memory, line interrupt) in them: the bridge hides who sends, so all of it is one group.
 */
const below = ['0000:00:1c.3', '0000:04:00.0'];

export const lineInterruptCards: HostDescription = {
  drivers: ['vfio-pci'],
  portServices: { '0000:00:1c.0': ['pme'], '0000:00:1c.3': ['pme'] },
  processes: [{ id: 1543, name: 'pipewire', open: ['/dev/snd/controlC1', '/home/jane/secret.txt'] }],
  functions: [
    { address: '0000:00:1c.0', ids: '8086:8c10', class: '060400', driver: 'pcieport', group: 9, bars: {} },
    {
      address: '0000:03:00.0',
      below: ['0000:00:1c.0'],
      ids: '8086:10d3',
      class: '020000',
      driver: 'e1000e',
      group: 12,
      msix: 5,
      msi: 1,
      bars: { 0: 'memory32 131072', 2: 'io 32', 3: 'memory32 16384' },
      reset: 'bus',
      interfaces: [{ name: 'enp3s0' }],
    },
    { address: '0000:00:1c.3', ids: '8086:244e', class: '060400', driver: 'pcieport', group: 11, bars: {} },
    {
      address: '0000:04:00.0',
      below: ['0000:00:1c.3'],
      ids: '1b21:1080',
      class: '060401',
      kind: 'pcieToPciBridge',
      group: 11,
      msix: 0,
      bars: {},
    },
    {
      address: '0000:05:00.0',
      below,
      ids: '1102:0002',
      class: '040100',
      driver: 'snd_emu10k1',
      conventional: true,
      group: 11,
      msix: 0,
      bars: { 0: 'io 32' },
      reset: 'absent',
    },
    {
      address: '0000:05:00.1',
      below,
      ids: '1102:7002',
      class: '098000',
      conventional: true,
      group: 11,
      msix: 0,
      interruptPin: 0,
      bars: { 0: 'io 8' },
      reset: 'absent',
    },
    {
      address: '0000:05:01.0',
      below,
      ids: '4444:0016',
      class: '040000',
      driver: 'ivtv',
      conventional: true,
      group: 11,
      msix: 0,
      bars: { 0: 'memory32 67108864' },
      reset: 'absent',
    },
  ],
};
