import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import type { Caller } from '../../host/index.ts';
import { type SocketPeer, readProcessStatus, socketPeer } from '../../linux/index.ts';

/** Whose members may talk to the daemon besides root. */
export const ACCESS_GROUP = 'dda';

/** Who may talk to the daemon: the user it runs as, root, and the members of a group. */
export interface Access {
  /** Undefined: there is no such group. */
  readonly groupId: number | undefined;
  readonly ownUserId: number;
}

export function readAccess(groupFile = '/etc/group'): Access {
  return { groupId: groupIdIn(readIfThere(groupFile) ?? '', ACCESS_GROUP), ownUserId: process.getuid?.() ?? 0 };
}

/** group(5): name, password, number, members. */
export function groupIdIn(text: string, name: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${name}:`));
  const digits = line?.split(':')[2];
  return digits !== undefined && /^\d+$/.test(digits) ? Number(digits) : undefined;
}

/** The socket's permissions keep others out already; this holds even where somebody loosened those. */
export function mayAsk(access: Access, peer: SocketPeer): boolean {
  if (peer.userId === 0 || peer.userId === access.ownUserId) return true;
  return access.groupId !== undefined && peer.groupIds.includes(access.groupId);
}

/** Who connected, as the kernel noted it then. Throws where the kernel doesn't say. */
export function peerOf(socket: Socket): SocketPeer {
  // Node has no public way to a connection's descriptor.
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle === 'object' && handle !== null && 'fd' in handle && typeof handle.fd === 'number') {
    return socketPeer(handle.fd);
  }
  throw new Error('this version of Node does not tell the descriptor of a connection');
}

export function callerOf({ userId, processId }: SocketPeer): Caller {
  const status = processId === 0 ? undefined : readProcessStatus(processId);
  return { userId, processId, command: status === undefined ? 'unknown' : programName(status.name, processId) };
}

/** Node calls the thread of every program the same: then it is the script that has a name. */
function programName(name: string, processId: number): string {
  if (name !== 'MainThread' && name !== 'node') return name;
  const words = (readIfThere(`/proc/${processId}/cmdline`) ?? '').split('\0');
  const script = words.slice(1).find((word) => word !== '' && !word.startsWith('-'));
  return script === undefined ? 'node' : basename(script);
}

/** Undefined: it isn't there; a process that has just ended, for one. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
