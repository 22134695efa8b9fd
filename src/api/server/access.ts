import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import type { Caller } from '../../host/index.ts';
import { type SocketPeer, readCommandLine, socketPeer } from '../../linux/index.ts';

/** Whose members may talk to the daemon besides root. */
export const ACCESS_GROUP = 'dda';

/** Longer ones are cut. */
const MAX_COMMAND_CHARACTERS = 200;

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
  const words = processId === 0 ? undefined : readCommandLine(processId);
  return { userId, processId, command: words === undefined ? 'unknown' : commandOf(words) };
}

/** What somebody asked with, as they would have typed it. Their own word: a process can call itself anything. */
export function commandOf(words: readonly string[]): string {
  const [program = 'unknown', ...rest] = words;
  const script = basename(program) === 'node' ? rest.findIndex((word) => !word.startsWith('-')) : -1;
  const typed = script < 0 ? [basename(program), ...rest] : [scriptName(rest[script] ?? ''), ...rest.slice(script + 1)];
  const text = typed.join(' ').replaceAll(/[^\x20-\x7e]/g, '?');
  return text.length > MAX_COMMAND_CHARACTERS ? `${text.slice(0, MAX_COMMAND_CHARACTERS - 1)}…` : text;
}

/** The package's own program has a name that says nothing. */
function scriptName(path: string): string {
  return path.endsWith('/cli/main.js') || path.endsWith('/cli/main.ts') ? 'dda' : basename(path);
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
