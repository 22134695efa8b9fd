import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONTROLLERS, type Controller, type GroupLimits, type LimitFile, limitFiles } from './group-limits.ts';
import { type GroupObstacle, lacking, obstacleOf } from './group-obstacle.ts';

/** All groups of dda's are in this one. */
const PARENT = 'dda';
/** A process that has just ended may still have its group for a moment: KVM ends a thread of the kernel's in it. */
const EMPTY_MS = 5_000;
const EMPTY_STEP_MS = 50;

/**
 * Groups that dda makes itself: `dda/NAME-PID` where cgroup2 is mounted. Nothing of it blocks the calling thread. Rejects with what the kernel said where that
 * has nothing to do with the host's control groups.
 */
export class OwnGroups {
  readonly #mount: string;
  readonly #parent: string;
  /** Being made: empty yet, and not left over. */
  readonly #making = new Set<string>();

  constructor(mount: string) {
    this.#mount = mount;
    this.#parent = join(mount, PARENT);
  }

  /**
   * Puts a process into a group of its own, and removes groups of processes that ended while nobody looked. Resolves with what keeps the process, or some of
   * its limits, from it.
   */
  async place(name: string, processId: number, limits: GroupLimits): Promise<GroupObstacle | undefined> {
    const group = groupName(name, processId);
    const path = join(this.#parent, group);
    this.#making.add(group);
    try {
      await this.#sweep();
      const obstacle = await this.#divide();
      const given = await controllersIn(this.#parent, 'cgroup.subtree_control');
      const files = limitFiles(limits).filter(({ controller }) => given.includes(controller));
      if (files.length === 0) return obstacle;
      await mkdir(path);
      return (await fill(path, files, processId)) ?? obstacle;
    } catch (error) {
      return this.#known(error);
    } finally {
      this.#making.delete(group);
    }
  }

  /** Removes the group of a process that has ended, if it had one. Where something is still in it after a while, the next that is placed removes it. */
  async remove(name: string, processId: number): Promise<void> {
    const group = groupName(name, processId);
    if (!(await entriesOf(this.#parent)).includes(group)) return;
    const path = join(this.#parent, group);
    for (const endMs = performance.now() + EMPTY_MS; !(await removeIfEmpty(path)) && performance.now() < endMs; ) {
      await sleep(EMPTY_STEP_MS);
    }
  }

  async #sweep(): Promise<void> {
    for (const entry of await entriesOf(this.#parent)) {
      if (!this.#making.has(entry)) await removeIfEmpty(join(this.#parent, entry));
    }
  }

  /** Has the controllers given to `dda` and, by that, to what is in it. Resolves with what keeps some from it. */
  async #divide(): Promise<GroupObstacle | undefined> {
    const there = await controllersIn(this.#mount, 'cgroup.controllers');
    const missing = CONTROLLERS.filter((name) => !there.includes(name));
    const refused = await this.#give(this.#mount, there);
    const obstacle = missing.length === 0 ? refused : lacking(missing, this.#mount);
    const given = await controllersIn(this.#mount, 'cgroup.subtree_control');
    if (given.length === 0) return obstacle;
    await mkdir(this.#parent).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    return (await this.#give(this.#parent, given)) ?? obstacle;
  }

  /** To what is in `group`: all of them or none, so that a group that can't be divided stays as it is. */
  async #give(group: string, controllers: readonly Controller[]): Promise<GroupObstacle | undefined> {
    const given = await controllersIn(group, 'cgroup.subtree_control');
    const lacked = controllers.filter((name) => !given.includes(name));
    if (lacked.length === 0) return undefined;
    try {
      await write(join(group, 'cgroup.subtree_control'), lacked.map((name) => `+${name}`).join(' '));
      return undefined;
    } catch (error) {
      return this.#known(error);
    }
  }

  #known(error: unknown): GroupObstacle {
    const obstacle = obstacleOf(codeOf(error) ?? '', this.#mount);
    if (obstacle === undefined) throw error;
    return obstacle;
  }
}

/** Sets the limits of a new group, and moves the process into it. Where that fails, there is no group. */
async function fill(path: string, files: readonly LimitFile[], processId: number): Promise<GroupObstacle | undefined> {
  let obstacle: GroupObstacle | undefined;
  try {
    for (const { controller, name, text } of files) {
      await write(join(path, name), text).catch((error: unknown) => {
        // A kernel may have the controller and not this limit: CONFIG_CFS_BANDWIDTH.
        if (codeOf(error) !== 'ENOENT') throw error;
        obstacle ??= lacking([controller], path);
      });
    }
    await write(join(path, 'cgroup.procs'), String(processId));
    return obstacle;
  } catch (error) {
    await removeIfEmpty(path);
    // The process has ended already; why is told by whoever waits for it.
    if (codeOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}

/** Unique among those that are there: no two processes have one id. */
function groupName(name: string, processId: number): string {
  return `${name}-${processId}`;
}

/** None where there is no such group. */
async function controllersIn(group: string, file: string): Promise<readonly Controller[]> {
  const text = await readFile(join(group, file), 'utf8').catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
    return '';
  });
  const words = text.trim().split(' ');
  return CONTROLLERS.filter((name) => words.includes(name));
}

/** Without O_CREAT, which this file system refuses. */
async function write(path: string, text: string): Promise<void> {
  const file = await open(path, constants.O_WRONLY);
  try {
    await file.write(text);
  } finally {
    await file.close();
  }
}

/** False: it is in use. */
async function removeIfEmpty(path: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    // Never made, or removed by an earlier look.
    if (codeOf(error) === 'ENOENT') return true;
    if (codeOf(error) === 'EBUSY') return false;
    throw error;
  }
}

async function entriesOf(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
