import type { HostTree } from '../tree/host-tree.ts';
import { deviceNode, devicesOnDisk } from './block-devices.ts';
import type { BlockDevice, BlockDevices } from './block-devices.ts';
import { append } from './device-paths.ts';
import { UseKind } from './function-usage.ts';
import type { HostUse } from './function-usage.ts';

export interface Mount {
  readonly deviceNumber: string;
  readonly mountPoint: string;
  readonly fileSystem: string;
  readonly source: string;
}

/** What the host has on its block devices, by device number and by device node. */
export interface StorageTables {
  readonly mountsByNumber: ReadonlyMap<string, readonly Mount[]>;
  readonly mountsBySource: ReadonlyMap<string, readonly Mount[]>;
  readonly swaps: ReadonlySet<string>;
  /** Device names that belong to one btrfs file system: the mount table shows only one of them. */
  readonly btrfsSiblings: ReadonlyMap<string, readonly string[]>;
}

export function readStorageTables(tree: HostTree): StorageTables {
  const mountsByNumber = new Map<string, Mount[]>();
  const mountsBySource = new Map<string, Mount[]>();
  for (const mount of parseMountTable(tree.text('/proc/self/mountinfo') ?? '')) {
    append(mountsByNumber, mount.deviceNumber, mount);
    append(mountsBySource, mount.source, mount);
  }
  const swaps = new Set<string>();
  for (const line of (tree.text('/proc/swaps') ?? '').split('\n').slice(1)) {
    const name = line.split(/\s/)[0];
    if (name !== undefined && name !== '') swaps.add(unescapeOctal(name));
  }
  const btrfsSiblings = new Map<string, readonly string[]>();
  for (const uuid of tree.list('/sys/fs/btrfs')) {
    const members = tree.list(`/sys/fs/btrfs/${uuid}/devices`);
    for (const member of members) btrfsSiblings.set(member, members);
  }
  return { mountsByNumber, mountsBySource, swaps, btrfsSiblings };
}

/** Source: Linux Documentation/filesystems/proc.rst, section 3.5. Lines that don't fit are left out. */
export function parseMountTable(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const [fields = '', tail] = line.split(' - ', 2);
    const [, , deviceNumber, , mountPoint] = fields.split(' ');
    const [fileSystem, source] = (tail ?? '').split(' ');
    if (deviceNumber === undefined || mountPoint === undefined || fileSystem === undefined || source === undefined)
      continue;
    mounts.push({ deviceNumber, mountPoint: unescapeOctal(mountPoint), fileSystem, source: unescapeOctal(source) });
  }
  return mounts;
}

/** Why the host needs a disk: everything mounted, swapped to, or built on it. */
export function storageUses(devices: BlockDevices, tables: StorageTables, disk: string): HostUse[] {
  const uses = devicesOnDisk(devices, disk).flatMap((device) => usesOf(device, devices, tables));
  const paths = devices.functionsOf.get(disk)?.length ?? 0;
  if (paths < 2) return uses;
  return uses.map((use) => ({
    ...use,
    sentence: `${use.sentence} /dev/${disk} is reached through ${paths} functions, of which this is one.`,
    breaks: `The host goes on over the other path, so a guest would write to /dev/${disk} behind its back: the data on it would be damaged.`,
  }));
}

/** `what`: a device node, or whatever else a file system can be on. */
export function mountUse(what: string, mount: Mount): HostUse {
  return {
    kind: UseKind.mountedFileSystem,
    sentence: `${what} is mounted at ${mount.mountPoint} (${mount.fileSystem}).`,
    breaks: `${mount.mountPoint} would be lost with everything not yet written to it.`,
    remedy: `Unmount it first: umount ${mount.mountPoint}`,
    needed: true,
  };
}

function usesOf(device: BlockDevice, devices: BlockDevices, tables: StorageTables): HostUse[] {
  const node = deviceNode(device);
  const uses: HostUse[] = mountsOf(device, devices, tables).map((mount) => mountUse(node, mount));
  if (tables.swaps.has(node) || tables.swaps.has(`/dev/${device.name}`)) {
    uses.push({
      kind: UseKind.swap,
      sentence: `The host swaps to ${node}.`,
      breaks: 'Programs whose memory was swapped out would be killed.',
      remedy: `Turn it off first: swapoff ${node}`,
      needed: true,
    });
  }
  for (const holder of device.holders) {
    const upper = devices.byName.get(holder);
    const name = upper === undefined ? `/dev/${holder}` : deviceNode(upper);
    const builder = upper?.builder === undefined ? '' : ` (${upper.builder})`;
    uses.push({
      kind: UseKind.volume,
      sentence: `${name}${builder} is built on ${node}.`,
      breaks: `${name} would fail or lose a member.`,
      remedy: `Stop ${name} first, or take ${node} out of it.`,
      needed: true,
    });
  }
  return uses;
}

function mountsOf(device: BlockDevice, devices: BlockDevices, tables: StorageTables): readonly Mount[] {
  const found = new Set<Mount>();
  for (const name of tables.btrfsSiblings.get(device.name) ?? [device.name]) {
    const member = devices.byName.get(name) ?? device;
    for (const mount of tables.mountsByNumber.get(member.deviceNumber) ?? []) found.add(mount);
    for (const source of new Set([deviceNode(member), `/dev/${member.name}`])) {
      for (const mount of tables.mountsBySource.get(source) ?? []) found.add(mount);
    }
  }
  return [...found];
}

/** Blanks, tabs, line ends and backslashes are written as three octal digits there. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
