import { functionConfig } from './function-config.ts';
import type { FunctionDescription, HostDescription } from './description.ts';
import { MemoryTree } from '../tree/memory-tree.ts';

export function buildTree(host: HostDescription): MemoryTree {
  const tree = new MemoryTree();
  tree.directory('/sys/bus/pci/drivers').directory('/sys/bus/pci/devices').directory('/sys/kernel/iommu_groups');
  tree.directory('/sys/class/block').directory('/sys/class/net').directory('/dev');
  for (const driver of host.drivers ?? []) tree.directory(`/sys/bus/pci/drivers/${driver}`);
  for (const fn of host.functions) addFunction(tree, host, fn);
  for (const volume of host.volumes ?? []) addVolume(tree, volume);
  for (const upper of host.upperInterfaces ?? []) addUpperInterface(tree, upper);
  addTables(tree, host);
  addPlatform(tree, host);
  return tree;
}

/** The canonical directory of a function. */
export function devicePath(fn: FunctionDescription): string {
  return ['/sys/devices', fn.root ?? 'pci0000:00', ...(fn.below ?? []), fn.address].join('/');
}

export function addFunction(tree: MemoryTree, host: HostDescription, fn: FunctionDescription): void {
  const path = devicePath(fn);
  const [vendor = '1b36', device = '0010'] = (fn.ids ?? '1b36:0010').split(':');
  tree
    .symbolicLink(`/sys/bus/pci/devices/${fn.address}`, path.replace('/sys', '../../..'))
    .file(`${path}/vendor`, `0x${vendor}\n`)
    .file(`${path}/device`, `0x${device}\n`)
    .file(`${path}/class`, `0x${fn.class ?? '010802'}\n`)
    .file(`${path}/revision`, '0x02\n')
    .file(`${path}/subsystem_vendor`, '0x1af4\n')
    .file(`${path}/subsystem_device`, '0x1100\n')
    .file(`${path}/modalias`, `pci:v0000${vendor}d0000${device}\n`)
    .file(`${path}/numa_node`, `${fn.numaNode ?? -1}\n`)
    .file(`${path}/driver_override`, `${fn.override ?? '(null)'}\n`)
    .file(`${path}/resource`, resourceTable(fn))
    .file(`${path}/config`, functionConfig(fn).slice(0, fn.readableConfigBytes));
  if (fn.reset !== 'absent') {
    tree.file(`${path}/reset`, '');
    if (fn.reset !== 'unsaid') tree.file(`${path}/reset_method`, `${fn.reset ?? 'flr bus'}\n`);
  }
  if (fn.powerState !== undefined) tree.file(`${path}/power_state`, `${fn.powerState}\n`);
  if (fn.enabled !== undefined) tree.file(`${path}/enable`, fn.enabled ? '1\n' : '0\n');
  for (const screen of fn.screens ?? []) addScreen(tree, path, screen);
  if (fn.bootVga !== undefined) tree.file(`${path}/boot_vga`, fn.bootVga ? '1\n' : '0\n');
  const totalVfs = fn.totalVfs ?? fn.potentialVirtualFunctions?.length;
  if (totalVfs !== undefined) {
    tree.file(`${path}/sriov_totalvfs`, `${totalVfs}\n`).file(`${path}/sriov_drivers_autoprobe`, '1\n');
  }
  for (const [index, name] of (fn.virtualFunctions ?? []).entries())
    tree.symbolicLink(`${path}/virtfn${index}`, `../${name}`);
  if (fn.physicalFunction !== undefined) tree.symbolicLink(`${path}/physfn`, `../${fn.physicalFunction}`);
  if (fn.group !== undefined) {
    const group = `/sys/kernel/iommu_groups/${fn.group}`;
    tree.symbolicLink(`${path}/iommu_group`, `../../../kernel/iommu_groups/${fn.group}`);
    tree.symbolicLink(`${group}/devices/${fn.address}`, path);
    tree.file(
      `${group}/reserved_regions`,
      host.reservedRegions?.[fn.group] ?? '0x00000000fee00000 0x00000000feefffff msi\n',
    );
    if (host.noIommuGroups?.includes(fn.group) === true) tree.file(`${group}/name`, 'vfio-noiommu\n');
  }
  if (fn.driver !== undefined) attachDriver(tree, fn, fn.driver);
}

/** What is left of a function that is gone: nothing. */
export function removeFunction(tree: MemoryTree, fn: FunctionDescription): void {
  detachDriver(tree, fn);
  tree.remove(`/sys/bus/pci/devices/${fn.address}`).remove(devicePath(fn));
  tree.remove(`/sys/kernel/iommu_groups/${fn.group}/devices/${fn.address}`);
}

/** What appears when a driver binds: the link, and for host drivers the disks and interfaces. */
export function attachDriver(tree: MemoryTree, fn: FunctionDescription, driver: string): void {
  const path = devicePath(fn);
  tree.directory(`/sys/bus/pci/drivers/${driver}`);
  tree.symbolicLink(`${path}/driver`, `/sys/bus/pci/drivers/${driver}`);
  if (driver === 'vfio-pci') {
    tree.file(`/dev/vfio/${fn.group}`, '');
    return;
  }
  for (const disk of fn.disks ?? []) {
    const diskPath = disk.multipath === undefined ? `${path}/${disk.name}` : `/sys/devices/virtual/${disk.name}`;
    if (disk.multipath !== undefined) addBlockDevice(tree, `${path}/${disk.multipath}`);
    addBlockDevice(tree, diskPath);
    for (const partition of disk.partitions ?? []) addBlockDevice(tree, `${diskPath}/${partition}`);
  }
  if (fn.controller !== undefined) tree.file(`${path}/nvme/${fn.controller.name}/cntlid`, '0\n');
  for (const net of fn.interfaces ?? []) {
    tree.file(`${path}/net/${net.name}/ifindex`, `${net.interfaceIndex ?? 0}\n`);
    tree.file(`${path}/net/${net.name}/flags`, net.up === true ? '0x1003\n' : '0x1002\n');
    tree.symbolicLink(`/sys/class/net/${net.name}`, `${path}/net/${net.name}`);
  }
}

/** What goes with a driver. */
export function detachDriver(tree: MemoryTree, fn: FunctionDescription): void {
  const path = devicePath(fn);
  tree.remove(`${path}/driver`);
  // The node is the group's: it is there as long as VFIO has one of its functions.
  const members = `/sys/kernel/iommu_groups/${fn.group}/devices`;
  const isLast = tree.list(members).every((name) => !tree.link(`${members}/${name}/driver`)?.endsWith('/vfio-pci'));
  if (isLast) tree.remove(`/dev/vfio/${fn.group}`);
  for (const disk of fn.disks ?? []) {
    for (const name of [
      disk.name,
      ...(disk.multipath === undefined ? [] : [disk.multipath]),
      ...(disk.partitions ?? []),
    ]) {
      tree.remove(`/sys/class/block/${name}`).remove(`/dev/${name}`);
    }
    tree.remove(`${path}/${disk.name}`);
  }
  if (fn.controller !== undefined) tree.remove(`${path}/nvme`);
  for (const net of fn.interfaces ?? []) tree.remove(`/sys/class/net/${net.name}`).remove(`${path}/net/${net.name}`);
}

/** A device number that depends on the name alone. */
export function deviceNumber(name: string): string {
  return `259:${new TextEncoder().encode(name).reduce((sum, byte) => (sum * 31 + byte) % 1_000_000, 7)}`;
}

function addBlockDevice(tree: MemoryTree, path: string): void {
  const name = path.slice(path.lastIndexOf('/') + 1);
  tree.file(`${path}/dev`, `${deviceNumber(name)}\n`).directory(`${path}/holders`);
  tree.file(`${path}/uevent`, `DEVNAME=${name}\n`).file(`/dev/${name}`, '');
  tree.symbolicLink(`/sys/class/block/${name}`, path);
}

function addVolume(tree: MemoryTree, volume: NonNullable<HostDescription['volumes']>[number]): void {
  const path = `/sys/devices/virtual/block/${volume.name}`;
  addBlockDevice(tree, path);
  if (volume.mapper !== undefined) tree.file(`${path}/dm/name`, `${volume.mapper}\n`);
  if (volume.uuid !== undefined) tree.file(`${path}/dm/uuid`, `${volume.uuid}\n`);
  for (const lower of volume.on) tree.symbolicLink(`/sys/class/block/${lower}/holders/${volume.name}`, path);
}

function addUpperInterface(tree: MemoryTree, upper: NonNullable<HostDescription['upperInterfaces']>[number]): void {
  const path = `/sys/devices/virtual/net/${upper.name}`;
  tree.file(`${path}/flags`, '0x1003\n').symbolicLink(`/sys/class/net/${upper.name}`, path);
  for (const lower of upper.on) tree.symbolicLink(`/sys/class/net/${lower}/upper_${upper.name}`, path);
}

function addScreen(tree: MemoryTree, path: string, screen: string): void {
  const card = screen.split('-')[0] ?? screen;
  tree.file(`${path}/drm/${card}/${screen}/enabled`, 'enabled\n');
  tree.symbolicLink(`/sys/class/drm/${card}`, `${path}/drm/${card}`);
  tree.symbolicLink(`/sys/class/drm/${screen}`, `${path}/drm/${card}/${screen}`);
}

const serviceNumbers = { pme: '001', aer: '002', hotplug: '004' } as const;

function addPlatform(tree: MemoryTree, host: HostDescription): void {
  if (host.portServices !== undefined) tree.directory('/sys/bus/pci_express/devices');
  for (const [port, services] of Object.entries(host.portServices ?? {})) {
    for (const service of services)
      tree.directory(`/sys/bus/pci_express/devices/${port}:pcie${serviceNumbers[service]}`);
  }
  if (host.commandLine !== undefined) tree.file('/proc/cmdline', `${host.commandLine}\n`);
  if (host.iommuCapabilities !== undefined)
    tree.file('/sys/class/iommu/dmar0/intel-iommu/ecap', `${host.iommuCapabilities}\n`);
  if (host.unsafeInterrupts === true)
    tree.file('/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts', 'Y\n');
  if (host.vfioModules !== undefined) {
    tree.file('/proc/sys/kernel/osrelease', '6.1.0-43-amd64\n');
    tree.directory('/lib/modules/6.1.0-43-amd64/kernel/drivers/vfio/pci');
    for (const name of host.vfioModules) tree.file(`/lib/modules/6.1.0-43-amd64/kernel/drivers/vfio/pci/${name}`, '');
  }
  const consoles = Object.entries(host.consoles ?? {});
  if (consoles.length > 0) tree.file('/sys/class/tty/console/active', `${consoles.map(([name]) => name).join(' ')}\n`);
  for (const [name, address] of consoles) {
    const fn = host.functions.find((candidate) => candidate.address === address);
    const path = fn === undefined ? `/sys/devices/virtual/tty/${name}` : `${devicePath(fn)}/tty/${name}`;
    tree.directory(path).symbolicLink(`/sys/class/tty/${name}`, path);
  }
}

function addTables(tree: MemoryTree, host: HostDescription): void {
  const mounts = (host.mounts ?? []).map(({ source, at, type = 'ext4', number }, index) => {
    const device = number ?? deviceNumber(source.replace(/^\/dev\//, ''));
    return `${30 + index} 1 ${device} / ${at.replaceAll(' ', '\\040')} rw,relatime shared:1 - ${type} ${source} rw\n`;
  });
  tree.file('/proc/self/mountinfo', `21 1 0:20 / /proc rw - proc proc rw\n${mounts.join('')}`);
  const swaps = (host.swaps ?? []).map((name) => `${name} partition 1048572 0 -2\n`);
  tree.file('/proc/swaps', `Filename\tType\tSize\tUsed\tPriority\n${swaps.join('')}`);
  const routes = (host.defaultRoutes ?? []).map(
    (name) => `${name}\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`,
  );
  tree.file('/proc/net/route', `Iface\tDestination\tGateway\n${routes.join('')}`);
  for (const { id, name, open } of host.processes ?? []) {
    tree.file(`/proc/${id}/comm`, `${name}\n`);
    tree.file(`/proc/${id}/stat`, `${id} (${name}) S ${'0 '.repeat(18)}${id * 10} 0\n`);
    if (open === undefined) tree.denied(`/proc/${id}/fd`);
    for (const [fd, target] of (open ?? []).entries()) tree.symbolicLink(`/proc/${id}/fd/${fd}`, target);
  }
}

function resourceTable(fn: FunctionDescription): string {
  const lines: string[] = [];
  for (let index = 0; index < 13; index += 1) {
    const [kind, ...rest] = (fn.bars ?? { 0: 'memory64 16384' })[index]?.split(' ') ?? [];
    const sizeBytes = BigInt(rest.at(-1) ?? 0);
    const placed = !rest.includes('unplaced');
    const start = !placed ? 0n : 0xfe00_0000n + BigInt(index) * 0x10_0000n;
    const flags =
      kind === 'io'
        ? 0x40101n
        : (kind === 'memory64' ? 0x140204n : 0x40200n) + (rest.includes('prefetchable') ? 0x2008n : 0n);
    const unset = placed ? 0n : 0x2000_0000n;
    lines.push(
      kind === undefined
        ? [0n, 0n, 0n].map(hex16).join(' ')
        : [start, start + sizeBytes - 1n, flags | unset].map(hex16).join(' '),
    );
  }
  return `${lines.join('\n')}\n`;
}

function hex16(value: bigint): string {
  return `0x${value.toString(16).padStart(16, '0')}`;
}
