import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
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
  return { groupId: groupIdIn(readGroups(groupFile), ACCESS_GROUP), ownUserId: process.getuid?.() ?? 0 };
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
  const command = processId === 0 ? undefined : readProcessStatus(processId)?.name;
  return { userId, processId, command: command ?? 'unknown' };
}

function readGroups(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
