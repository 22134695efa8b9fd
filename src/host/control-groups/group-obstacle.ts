import type { Controller } from './group-limits.ts';

/** Why a process can't have a group of its own, or none with all limits, and what to do. Whole sentences. */
export interface GroupObstacle {
  readonly obstacle: string;
  readonly remedy: string;
}

const onHost = 'Run the daemon on the host itself, or give its container control groups that it may write and divide.';

export const noControlGroups: GroupObstacle = {
  obstacle: 'there is neither systemd nor a mounted cgroup2 file system.',
  remedy: 'Where no control groups of version 1 are in use: mount -t cgroup2 cgroup2 /sys/fs/cgroup',
};

export const noMessageBus: GroupObstacle = {
  obstacle: 'systemd is asked for them by the message bus, and there is none.',
  remedy: 'Install and start one: the package dbus, then systemctl start dbus.socket',
};

/** `errno`: of a system call that was to make, change or remove a group below `mount`. Undefined: none that a host has to do with. */
export function obstacleOf(errno: string, mount: string): GroupObstacle | undefined {
  switch (errno) {
    case 'EROFS':
      return { obstacle: `${mount} can only be read here.`, remedy: onHost };
    case 'EACCES':
    case 'EPERM':
      return { obstacle: `this process may not make groups in ${mount}.`, remedy: `Run it as root. ${onHost}` };
    case 'EBUSY':
      return {
        obstacle: `there are processes in the group ${mount} itself, which so can't be divided, as in a container.`,
        remedy: onHost,
      };
    // As Node calls EOPNOTSUPP, which has the same number.
    case 'ENOTSUP':
      return { obstacle: `the group ${mount} is one for threads, which holds no such groups.`, remedy: onHost };
    case 'EAGAIN':
      return {
        obstacle: `there may be no more groups in ${mount}.`,
        remedy: 'Raise its cgroup.max.descendants and cgroup.max.depth.',
      };
    default:
      return undefined;
  }
}

/** Version 1 has these controllers, or the kernel was started or built without, or the container has not been given them. */
export function lacking(controllers: readonly Controller[], where: string): GroupObstacle {
  return {
    obstacle: `the groups in ${where} have no limit for ${controllers.join(', ')}.`,
    remedy:
      'See that nothing uses control groups of version 1 (systemd.unified_cgroup_hierarchy=1), that the kernel is not started with cgroup_disable=, and in a container that it is given them.',
  };
}
