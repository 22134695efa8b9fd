import type { HostTree } from '../tree/host-tree.ts';
import { append, functionOnPath } from './device-paths.ts';
import type { HostUse } from './function-usage.ts';
import { mountUse } from './storage-uses.ts';
import type { StorageTables } from './storage-uses.ts';

/** Where a virtio device keeps the tag that the mount table names as source: 9p's own attribute, and virtiofs' object. */
const tagPlaces: readonly {
  readonly type: string;
  readonly list: string;
  readonly device: string;
  readonly tag: string;
}[] = [
  { type: '9p', list: '/sys/bus/virtio/devices', device: '', tag: '/mount_tag' },
  { type: 'virtiofs', list: '/sys/fs/virtiofs', device: '/device', tag: '/tag' },
];

/** Directories that a hypervisor shares with this host over a PCI function and that are mounted: by function name. */
export function readSharedDirectories(tree: HostTree, tables: StorageTables): ReadonlyMap<string, readonly HostUse[]> {
  const found = new Map<string, HostUse[]>();
  for (const place of tagPlaces) {
    for (const entry of tree.list(place.list)) {
      const path = `${place.list}/${entry}`;
      // 9p's tag ends with a NUL.
      const tag = tree.text(`${path}${place.tag}`)?.replace(/\0+$/, '');
      const fn = functionOnPath(tree.real(`${path}${place.device}`) ?? '');
      if (tag === undefined || fn === undefined) continue;
      for (const mount of tables.mountsBySource.get(tag) ?? []) {
        if (mount.fileSystem === place.type) append(found, fn, mountUse(`The shared directory ${tag}`, mount));
      }
    }
  }
  return found;
}
