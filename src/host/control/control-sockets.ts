import { linkSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { isVmName } from './vm-names.ts';

const suffix = '.sock';
let namesMade = 0;

/** Part of a file's name that no other process and no other call uses. */
export function uniqueSuffix(): string {
  namesMade += 1;
  return `${process.pid}-${namesMade}`;
}

export function socketPath(directory: string, name: string): string {
  return join(directory, `${name}${suffix}`);
}

/** The names that have a socket, alive or not, ascending. */
export function socketNames(directory: string): string[] {
  return readNames(directory)
    .filter((file) => file.endsWith(suffix))
    .map((file) => file.slice(0, -suffix.length))
    .filter(isVmName)
    .toSorted();
}

/** Connects; undefined: no process listens there any more, or never did. */
export function connect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('connect', () => resolve(socket.removeAllListeners('error')));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined);
      else reject(error);
    });
  });
}

/**
 * Gives the socket that listens at `temporary` its lasting `path`. False: a process listens there already. What a dead
 * process left there is removed. A link appears whole or not at all, so of two that start at once only one gets the name.
 */
export async function claimSocket(temporary: string, path: string): Promise<boolean> {
  if (linkUnlessPresent(temporary, path)) return true;
  await removeIfStale(path);
  return linkUnlessPresent(temporary, path);
}

/** Removes a socket that nobody listens on, and nothing else. */
export async function removeIfStale(path: string): Promise<void> {
  const before = inodeOf(path);
  if (before === undefined) return;
  const socket = await connect(path);
  if (socket !== undefined) {
    socket.destroy();
    return;
  }
  // Somebody may have put a live one there meanwhile: what was moved is looked at again, and put back if it isn't the dead one.
  const aside = `${path}.${uniqueSuffix()}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (inodeOf(aside) !== before) linkUnlessPresent(aside, path);
  rmSync(aside, { force: true });
}

export function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

function linkUnlessPresent(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
