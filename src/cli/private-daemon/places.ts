import { existsSync, rmSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where a daemon that belongs to one command keeps everything, apart from the notes in /run/dda that every command shares. */
export interface PrivatePlaces {
  readonly directory: string;
  readonly state: string;
  readonly socket: string;
  /** The sockets of its VM processes. */
  readonly vms: string;
  readonly log: string;
  /** That was built for its VM. */
  readonly initramfs: string;
}

export function privatePlaces(directory: string): PrivatePlaces {
  const place = (name: string): string => join(directory, name);
  return {
    directory,
    state: place('state'),
    socket: place('dda.sock'),
    vms: place('vms'),
    log: place('log'),
    initramfs: place('initramfs'),
  };
}

/** Removes all of them, and the directory unless there is something else in it. */
export function removePlaces({ directory, ...inside }: PrivatePlaces): void {
  if (!existsSync(directory)) return;
  for (const path of Object.values(inside)) rmSync(path, { recursive: true, force: true });
  try {
    rmdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'ENOENT') throw error;
  }
}
