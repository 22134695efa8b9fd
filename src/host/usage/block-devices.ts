import { baseName } from '../tree/host-tree.ts';
import type { HostTree } from '../tree/host-tree.ts';
import { append, functionOnPath } from './device-paths.ts';

const blockPath = '/sys/class/block';

/** A disk, a partition, or a device built on others. */
export interface BlockDevice {
  readonly name: string;
  /** `259:1` */
  readonly deviceNumber: string;
  /** Devices built on it: `dm-0`, `md127`. */
  readonly holders: readonly string[];
  readonly partitions: readonly string[];
  /** Its name under /dev/mapper. */
  readonly mapperName: string | undefined;
  /** What built it, as device-mapper's or RAID's own word: `LVM`, `CRYPT`, `raid1`. */
  readonly builder: string | undefined;
}

export interface BlockDevices {
  readonly byName: ReadonlyMap<string, BlockDevice>;
  /** The disks that a function carries. */
  readonly disksOf: ReadonlyMap<string, readonly string[]>;
  /** The functions that a disk is reached through: more than one with NVMe multipath. */
  readonly functionsOf: ReadonlyMap<string, readonly string[]>;
}

/** `nvme0c1n2`: the hidden path by which disk `nvme0n2` is reached through controller 1. */
const multipathName = /^nvme([0-9]+)c[0-9]+n([0-9]+)$/;

export function readBlockDevices(tree: HostTree): BlockDevices {
  const byName = new Map<string, BlockDevice>();
  const disksOf = new Map<string, string[]>();
  const functionsOf = new Map<string, string[]>();
  const partitions = new Map<string, string[]>();
  const entries = tree.list(blockPath).flatMap((name) => {
    const path = tree.real(`${blockPath}/${name}`);
    return path === undefined ? [] : [{ name, path }];
  });
  const names = new Set(entries.map((entry) => entry.name));
  for (const { name, path } of entries) {
    const parent = baseName(path.slice(0, path.lastIndexOf('/')));
    if (names.has(parent)) {
      append(partitions, parent, name);
      continue;
    }
    const fn = functionOnPath(path);
    if (fn === undefined) continue;
    const parts = multipathName.exec(name);
    const disk = parts === null ? name : `nvme${parts[1]}n${parts[2]}`;
    append(disksOf, fn, disk);
    append(functionsOf, disk, fn);
  }
  for (const { name, path } of entries) {
    if (multipathName.test(name)) continue;
    byName.set(name, {
      name,
      deviceNumber: tree.text(`${path}/dev`) ?? '',
      holders: tree.list(`${path}/holders`),
      partitions: partitions.get(name) ?? [],
      mapperName: tree.text(`${path}/dm/name`),
      builder: tree.text(`${path}/dm/uuid`)?.split('-')[0] ?? tree.text(`${path}/md/level`),
    });
  }
  return { byName, disksOf, functionsOf };
}

/** A disk and everything on it: itself, its partitions, what is built on those, and so on. Bounded by what there is. */
export function devicesOnDisk(devices: BlockDevices, disk: string): BlockDevice[] {
  const found = new Map<string, BlockDevice>();
  const todo = [disk];
  for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
    const device = devices.byName.get(name);
    if (device === undefined || found.has(name)) continue;
    found.set(name, device);
    todo.push(...device.partitions, ...device.holders);
  }
  return [...found.values()];
}

/** `/dev/mapper/vg-root` or `/dev/nvme0n1p1`: as people and the mount table call it. */
export function deviceNode(device: BlockDevice): string {
  return device.mapperName === undefined ? `/dev/${device.name}` : `/dev/mapper/${device.mapperName}`;
}
