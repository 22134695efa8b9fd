import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type MachineDescription,
  networkCard,
  nvmeController,
  plugArguments,
  qemuArguments,
} from './qemu-arguments.ts';

const MACHINE: MachineDescription = {
  accelerator: 'tcg',
  memoryMib: 4096,
  cpus: 1,
  kernelImage: '/k/vmlinuz',
  initramfs: '/run/i.cpio',
  kernelArguments: ['console=ttyS0', 'intel_iommu=on'],
  iommu: true,
  monitorSocket: '/run/monitor',
  agentSocket: '/run/agent',
  consoleFile: '/run/console.log',
  compileCache: '/cache/compiled',
  nvmeControllers: [nvmeController(0, '/run/nvme0.img')],
  networkCards: [],
  devices: [{ id: 'usb', driver: 'qemu-xhci', properties: { p2: 4, msi: true } }],
};

/** The values of every `-device`. */
const devices = (machine: MachineDescription): string[] => {
  const words = qemuArguments(machine);
  return words.filter((_, index) => words[index - 1] === '-device');
};

test('the IOMMU comes before every device that it translates for', () => {
  assert.equal(devices(MACHINE)[0], 'intel-iommu,intremap=on,caching-mode=on');
});

test('without an IOMMU the rest is the same', () => {
  assert.deepEqual(devices({ ...MACHINE, iommu: false }), devices(MACHINE).slice(1));
});

test('each device is behind a root port of its own', () => {
  const all = devices(MACHINE);
  assert.ok(all.includes('pcie-root-port,id=nvme0-port,bus=pcie.0,addr=0x10,chassis=1,slot=1'));
  assert.ok(all.includes('pcie-root-port,id=usb-port,bus=pcie.0,addr=0x11,chassis=2,slot=2'));
  assert.ok(all.includes('qemu-xhci,id=usb,bus=usb-port,p2=4,msi=on'));
});

test('a controller stands between its subsystem and its namespace', () => {
  const nvme = devices(MACHINE).filter((device) => device.startsWith('nvme'));
  assert.deepEqual(nvme, [
    'nvme-subsys,id=nvme0-subsystem',
    'nvme,id=nvme0,bus=nvme0-port,serial=dda-rig-nvme0,subsys=nvme0-subsystem,sriov_max_vfs=4,sriov_vq_flexible=8,sriov_vi_flexible=4,max_ioqpairs=16,msix_qsize=20',
    'nvme-ns,bus=nvme0,drive=nvme0-image',
  ]);
});

test('network cards hear each other, and lead nowhere else', () => {
  const words = qemuArguments({ ...MACHINE, networkCards: [networkCard(0), networkCard(1)] });
  const valuesOf = (option: string): string[] => words.filter((_, index) => words[index - 1] === option);
  assert.deepEqual(valuesOf('-netdev'), ['hubport,id=nic0-network,hubid=0', 'hubport,id=nic1-network,hubid=0']);
  assert.deepEqual(
    valuesOf('-device').filter((device) => device.startsWith('igb')),
    [
      'igb,id=nic0,bus=nic0-port,netdev=nic0-network,mac=52:54:00:da:00:00',
      'igb,id=nic1,bus=nic1-port,netdev=nic1-network,mac=52:54:00:da:00:01',
    ],
  );
  assert.ok(valuesOf('-device').includes('pcie-root-port,id=nic0-port,bus=pcie.0,addr=0x11,chassis=2,slot=2'));
});

test('what is plugged again is what was there at boot', () => {
  const [controller] = MACHINE.nvmeControllers;
  assert.ok(controller);
  const plugged = plugArguments(controller.device);
  assert.equal(plugged['driver'], 'nvme');
  assert.equal(plugged['bus'], 'nvme0-port');
  assert.equal(plugged['sriov_max_vfs'], 4);
});

test("the machine's root directory is shared read-only", () => {
  assert.ok(qemuArguments(MACHINE).includes('local,id=root,path=/,security_model=none,readonly=on,multidevs=remap'));
});

test('a comma in a path is not the end of an option', () => {
  const words = qemuArguments({ ...MACHINE, agentSocket: '/run/a,b/agent' });
  assert.ok(words.includes('socket,id=agent,path=/run/a,,b/agent'));
});

test('KVM takes the host CPU and splits the interrupt controller, which interrupt remapping needs', () => {
  const words = qemuArguments({ ...MACHINE, accelerator: 'kvm' });
  assert.deepEqual(words.slice(0, 6), ['-accel', 'kvm', '-cpu', 'host', '-machine', 'q35,kernel-irqchip=split']);
});
