import type { HostTree } from '../tree/host-tree.ts';
import { CONTROLLERS } from './group-limits.ts';
import { type GroupObstacle, lacking, noControlGroups, noMessageBus, obstacleOf } from './group-obstacle.ts';

/** Who makes groups on this host. */
export type GroupPlace =
  /** systemd, whose tree it is then: nobody else makes groups in it. */
  | { readonly kind: 'systemd' }
  /** dda itself, where cgroup2 is mounted. */
  | { readonly kind: 'own'; readonly mount: string }
  | { readonly kind: 'none' };

/** There exactly where systemd is process 1: sd_booted(3). */
const SYSTEMD = '/run/systemd/system';
const MESSAGE_BUS = '/run/dbus/system_bus_socket';

export function groupPlace(tree: HostTree): GroupPlace {
  if (tree.exists(SYSTEMD)) return { kind: 'systemd' };
  const mount = groupMount(tree.text('/proc/self/mountinfo') ?? '');
  return mount === undefined ? { kind: 'none' } : { kind: 'own', mount: mount.path };
}

export interface GroupMount {
  readonly path: string;
  readonly readOnly: boolean;
}

/**
 * Where cgroup2 is mounted, by the text of /proc/PID/mountinfo (Linux Documentation/filesystems/proc.rst, 3.5): of several the first that can be
 * written.
 */
export function groupMount(mountInfo: string): GroupMount | undefined {
  const found = mountInfo.split('\n').flatMap((line): GroupMount[] => {
    const [ofMount = '', ofFileSystem = ''] = line.split(' - ');
    const [type = '', , superOptions = ''] = ofFileSystem.split(' ');
    const [, , , , path = '', options = ''] = ofMount.split(' ');
    if (type !== 'cgroup2') return [];
    return [{ path: unescaped(path), readOnly: isReadOnly(options) || isReadOnly(superOptions) }];
  });
  return found.find(({ readOnly }) => !readOnly) ?? found[0];
}

const isReadOnly = (options: string): boolean => options.split(',').includes('ro');

/** A blank in a path is `\040` there. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** The groups that a process is in, by the text of /proc/PID/cgroup: one, or with version 1 one of each hierarchy. cgroups(7). */
export function groupsOf(text: string): readonly { readonly isVersion2: boolean; readonly path: string }[] {
  return text.split('\n').flatMap((line) => {
    const parts = /^(\d+):([^:]*):(.*)$/.exec(line);
    return parts === null ? [] : [{ isVersion2: parts[1] === '0' && parts[2] === '', path: parts[3] ?? '' }];
  });
}

/** What can be seen to stand in the way of groups, without making one. Undefined: nothing. */
export function visibleObstacle(tree: HostTree): GroupObstacle | undefined {
  const place = groupPlace(tree);
  if (place.kind === 'none') return noControlGroups;
  if (place.kind === 'systemd') return tree.exists(MESSAGE_BUS) ? undefined : noMessageBus;
  const { mount } = place;
  if (groupMount(tree.text('/proc/self/mountinfo') ?? '')?.readOnly === true) return obstacleOf('EROFS', mount);
  const words = (name: string): readonly string[] => (tree.text(`${mount}/${name}`) ?? '').split(/\s+/);
  const there = words('cgroup.controllers');
  const missing = CONTROLLERS.filter((name) => !there.includes(name));
  if (missing.length > 0) return lacking(missing, mount);
  const given = words('cgroup.subtree_control');
  // Only the very first group may have both, processes and groups with controllers, and only it has no type.
  const isFirst = !tree.exists(`${mount}/cgroup.type`);
  const isInUse = !isFirst && (tree.text(`${mount}/cgroup.procs`) ?? '') !== '';
  return isInUse && CONTROLLERS.some((name) => !given.includes(name)) ? obstacleOf('EBUSY', mount) : undefined;
}
