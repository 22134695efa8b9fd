import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { ApiError } from '../errors.ts';

const inodes = new WeakMap<Server, number>();

/**
 * Lets `server` listen at `path`, open to its owner and to `groupId`; undefined: to its owner only. The socket gets its
 * permissions before it gets its name, and takes the place of one that a dead daemon left.
 */
export async function claimPath(server: Server, path: string, groupId: number | undefined): Promise<void> {
  if (await isServed(path)) {
    throw new ApiError('daemon-running', {
      asked: `listen at ${path}`,
      obstacle: 'another daemon answers there.',
      remedy: 'Use that one, or give this one another place: --socket PATH',
      details: { path },
    });
  }
  const temporary = `${path}.${process.pid}`;
  try {
    const made = mkdirSync(dirname(path), { recursive: true });
    // Whatever the umask: the group must get as far as the socket.
    if (made !== undefined) chmodSync(dirname(path), 0o755);
    rmSync(temporary, { force: true });
    await listenPrivately(server, temporary);
    if (groupId !== undefined) {
      chownSync(temporary, process.getuid?.() ?? 0, groupId);
      chmodSync(temporary, 0o660);
    }
    inodes.set(server, statSync(temporary).ino);
    renameSync(temporary, path);
  } catch (cause) {
    server.close();
    throw new ApiError(
      'daemon-setup-failed',
      {
        asked: `listen at ${path}`,
        obstacle: `${cause instanceof Error ? cause.message : String(cause)}.`,
        remedy: 'Run the daemon as root, or give it a place of its own: --socket PATH',
        details: { path },
      },
      { cause },
    );
  }
}

/** Ends `server`, and removes `path` unless it belongs to another one by now. Resolves when the last connection is closed. */
export async function closeAndFreePath(server: Server, path: string): Promise<void> {
  const closed = once(server, 'close');
  if (statSync(path, { throwIfNoEntry: false })?.ino === inodes.get(server)) rmSync(path, { force: true });
  server.close();
  server.closeIdleConnections();
  await closed;
}

async function listenPrivately(server: Server, path: string): Promise<void> {
  const listening = once(server, 'listening');
  const before = process.umask(0o177);
  try {
    // The socket's file is there when this returns, and so are its permissions.
    server.listen(path);
  } finally {
    process.umask(before);
  }
  await listening;
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
