import { list, readAttribute, readLink, readProcessStatus, SystemCallError } from '../../linux/index.ts';
import { isVmUser } from './vm-users.ts';

/**
 * The VM process that has the listening socket `path` open, whatever it calls itself: it inherited it, and no other process
 * can get at it. Undefined: none has.
 */
export function holderOfSocket(path: string): number | undefined {
  const inode = socketInode(readAttribute('/proc/net/unix'), path);
  if (inode === undefined) return undefined;
  for (const name of list('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const userId = readProcessStatus(Number(name))?.userId;
    if (userId !== undefined && isVmUser(userId) && holds(name, `socket:[${inode}]`)) return Number(name);
  }
  return undefined;
}

/** Whether any process listens on the socket `path`. */
export function isListenedOn(path: string): boolean {
  return socketInode(readAttribute('/proc/net/unix'), path) !== undefined;
}

/** Of a listening socket (flag 0x10000, __SO_ACCEPTCON) in the text of /proc/net/unix. */
export function socketInode(table: string, path: string): number | undefined {
  for (const line of table.split('\n')) {
    const [, , , flags, , , inode, ...rest] = line.trim().split(/ +/);
    if (rest.join(' ') === path && (Number.parseInt(flags ?? '0', 16) & 0x10000) !== 0) return Number(inode);
  }
  return undefined;
}

function holds(processName: string, target: string): boolean {
  const directory = `/proc/${processName}/fd`;
  try {
    return list(directory).some((fd) => linkTarget(`${directory}/${fd}`) === target);
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return readLink(path);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Closed meanwhile, or the process has ended. */
function isGone(error: unknown): boolean {
  return error instanceof SystemCallError && (error.code === 'ENOENT' || error.code === 'ESRCH');
}
