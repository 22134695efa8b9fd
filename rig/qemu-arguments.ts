/** The rig's hardware, as arguments for QEMU. Pure: the same description gives the same machine. */

/** A PCI device of the rig, alone behind a root port of its own, so that it can be plugged and unplugged. */
export interface RigDevice {
  /** QEMU's device id, for {@link Rig.plug} and {@link Rig.unplug}. */
  readonly id: string;
  /** QEMU's name for the kind of device. */
  readonly driver: string;
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
}

export type Accelerator = 'kvm' | 'tcg';

export interface MachineDescription {
  readonly accelerator: Accelerator;
  readonly memoryMib: number;
  readonly cpus: number;
  readonly kernelImage: string;
  readonly initramfs: string;
  readonly kernelArguments: readonly string[];
  readonly iommu: boolean;
  /** Sockets that the rig's owner listens on, and the file that takes the kernel's console. */
  readonly monitorSocket: string;
  readonly agentSocket: string;
  readonly consoleFile: string;
  /** A directory that Node's compile cache is kept in from rig to rig: all that a rig can write to on this machine. */
  readonly compileCache: string;
  readonly nvmeControllers: readonly NvmeController[];
  /** Network cards; what one sends, the others hear, and nobody else. */
  readonly networkCards: readonly RigDevice[];
  readonly devices: readonly RigDevice[];
}

export interface NvmeController {
  readonly device: RigDevice;
  readonly subsystemId: string;
  readonly imageFile: string;
}

/** Root ports stand in slots 0x10 to 0x1e of the root bus; 0x1f is the chip set's own. */
const FIRST_PORT_SLOT = 0x10;
export const MAX_DEVICES = 15;

/** Controllers have this much SR-IOV: four virtual functions, each with up to two queue pairs and interrupt vectors. */
const NVME_PROPERTIES = {
  sriov_max_vfs: 4,
  sriov_vq_flexible: 8,
  sriov_vi_flexible: 4,
  max_ioqpairs: 16,
  msix_qsize: 20,
};

export function nvmeController(index: number, imageFile: string): NvmeController {
  const id = `nvme${index}`;
  const subsystemId = `${id}-subsystem`;
  return {
    device: { id, driver: 'nvme', properties: { serial: `dda-rig-${id}`, subsys: subsystemId, ...NVME_PROPERTIES } },
    subsystemId,
    imageFile,
  };
}

/** An 82576, whose two ports have seven virtual functions each on hardware; QEMU has one port a card. QEMU 8 and later. */
export function networkCard(index: number): RigDevice {
  const id = `nic${index}`;
  return { id, driver: 'igb', properties: { netdev: netdevOf(id), mac: macOf(index) } };
}

/** QEMU's range for its own cards, so that a trace tells them from the virtual functions. */
const macOf = (index: number): string => `52:54:00:da:00:${index.toString(16).padStart(2, '0')}`;

const netdevOf = (id: string): string => `${id}-network`;

/** All of a machine's devices that stand behind root ports, in the order of the ports. */
export function allDevices(
  machine: Pick<MachineDescription, 'nvmeControllers' | 'networkCards' | 'devices'>,
): RigDevice[] {
  return [...machine.nvmeControllers.map(({ device }) => device), ...machine.networkCards, ...machine.devices];
}

export function qemuArguments(machine: MachineDescription): string[] {
  const devices = allDevices(machine);
  return [
    ...(machine.accelerator === 'kvm'
      ? ['-accel', 'kvm', '-cpu', 'host', '-machine', 'q35,kernel-irqchip=split']
      : // EPYC-Rome: guests boot a fifth to a third faster in it than with `max`.
        ['-accel', 'tcg,thread=multi', '-cpu', 'EPYC-Rome,+svm,+npt', '-machine', 'q35']),
    ...['-smp', String(machine.cpus), '-m', String(machine.memoryMib)],
    ...['-nodefaults', '-nographic', '-no-reboot', '-no-user-config'],
    // First, so that it translates for every device after it.
    ...(machine.iommu ? ['-device', 'intel-iommu,intremap=on,caching-mode=on'] : []),
    ...['-kernel', machine.kernelImage, '-initrd', machine.initramfs, '-append', machine.kernelArguments.join(' ')],
    ...['-chardev', `file,id=console,path=${escaped(machine.consoleFile)}`, '-serial', 'chardev:console'],
    ...['-chardev', `socket,id=monitor,path=${escaped(machine.monitorSocket)}`, '-mon', 'chardev=monitor,mode=control'],
    ...['-chardev', `socket,id=agent,path=${escaped(machine.agentSocket)}`],
    ...['-device', 'virtio-serial-pci,addr=0x2', '-device', 'virtserialport,chardev=agent,name=dda.agent'],
    ...['-fsdev', 'local,id=root,path=/,security_model=none,readonly=on,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,addr=0x3,fsdev=root,mount_tag=root'],
    ...['-fsdev', `local,id=compiled,path=${escaped(machine.compileCache)},security_model=none,multidevs=remap`],
    ...['-device', 'virtio-9p-pci,addr=0x4,fsdev=compiled,mount_tag=compiled'],
    ...devices.flatMap((device, index) => ['-device', rootPort(device, index)]),
    ...machine.nvmeControllers.flatMap(nvmeArguments),
    // One hub for all: it leads to none of the machine's own networks.
    ...machine.networkCards.flatMap(({ id }) => ['-netdev', `hubport,id=${netdevOf(id)},hubid=0`]),
    ...[...machine.networkCards, ...machine.devices].flatMap((device) => ['-device', deviceArgument(device)]),
  ];
}

const portOf = (device: RigDevice): string => `${device.id}-port`;

function rootPort(device: RigDevice, index: number): string {
  return `pcie-root-port,id=${portOf(device)},bus=pcie.0,addr=0x${(FIRST_PORT_SLOT + index).toString(16)},chassis=${index + 1},slot=${index + 1}`;
}

/** The namespace belongs to the subsystem, so it and its data outlive the controller's unplugging. */
function nvmeArguments({ device, subsystemId, imageFile }: NvmeController): string[] {
  return [
    ...[
      '-blockdev',
      JSON.stringify({
        driver: 'raw',
        'node-name': `${device.id}-image`,
        cache: { 'no-flush': true },
        file: { driver: 'file', filename: imageFile },
      }),
    ],
    ...['-device', `nvme-subsys,id=${subsystemId}`],
    ...['-device', deviceArgument(device)],
    ...['-device', `nvme-ns,bus=${device.id},drive=${device.id}-image`],
  ];
}

/** What the monitor's `device_add` takes. */
export const plugArguments = (device: RigDevice): Record<string, string | number | boolean> => ({
  driver: device.driver,
  id: device.id,
  bus: portOf(device),
  ...device.properties,
});

function deviceArgument(device: RigDevice): string {
  const { driver, ...properties } = plugArguments(device);
  return [
    driver,
    ...Object.entries(properties).map(
      ([name, value]) => `${name}=${escaped(String(typeof value === 'boolean' ? (value ? 'on' : 'off') : value))}`,
    ),
  ].join(',');
}

/** In QEMU's option lists a comma is written twice. */
const escaped = (value: string): string => value.replaceAll(',', ',,');
