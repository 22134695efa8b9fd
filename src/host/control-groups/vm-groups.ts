import { runBounded } from '../kernel/bounded-child.ts';
import { DirectoryTree } from '../tree/directory-tree.ts';
import type { GroupLimits } from './group-limits.ts';
import { type GroupObstacle, noControlGroups } from './group-obstacle.ts';
import { type GroupPlace, groupPlace } from './group-place.ts';
import { OwnGroups } from './own-groups.ts';
import { placeInScope, type ScopeContext } from './scopes.ts';

/** A host that has not made a group in that time goes without. */
const DEADLINE_MS = 20_000;

/**
 * A control group for each VM process. Where there can be none, the process runs under its own limits alone, and why is said once. Nothing of it blocks the
 * calling thread.
 */
export class VmGroups {
  readonly #warn: (text: string) => void;
  readonly #scopes: ScopeContext;
  readonly #own = new Map<string, OwnGroups>();
  readonly #said = new Set<string>();
  readonly #removing = new Set<Promise<void>>();

  constructor(warn: (text: string) => void, scopes: ScopeContext = { tree: new DirectoryTree(), run: runBounded }) {
    this.#warn = warn;
    this.#scopes = scopes;
  }

  /** Resolves when the process is in its group, or is known to stay without. Rejects with what has nothing to do with the host's control groups. */
  async place(vm: string, processId: number, limits: GroupLimits): Promise<void> {
    const obstacle = await this.#place(vm, processId, limits);
    if (obstacle !== undefined) this.#tell(obstacle);
  }

  /** The process has ended: its group goes, soon. */
  ended(vm: string, processId: number): void {
    const place = this.#where();
    // systemd removes its own.
    if (place.kind !== 'own') return;
    const removed = this.#ownAt(place.mount)
      .remove(vm, processId)
      .catch((error: unknown) => {
        this.#warn(
          `The control group of the VM ${vm} is left: ${error instanceof Error ? error.message : String(error)}.`,
        );
      })
      .finally(() => this.#removing.delete(removed));
    this.#removing.add(removed);
  }

  /** Resolves when the groups of all processes that have ended are gone. */
  async settled(): Promise<void> {
    await Promise.all(this.#removing);
  }

  async #place(vm: string, processId: number, limits: GroupLimits): Promise<GroupObstacle | undefined> {
    const place = this.#where();
    if (place.kind === 'none') return noControlGroups;
    if (place.kind === 'systemd') return placeInScope(this.#scopes, vm, processId, limits, DEADLINE_MS);
    return inTime(this.#ownAt(place.mount).place(vm, processId, limits));
  }

  #where(): GroupPlace {
    return groupPlace(this.#scopes.tree);
  }

  #ownAt(mount: string): OwnGroups {
    const own = this.#own.get(mount) ?? new OwnGroups(mount);
    this.#own.set(mount, own);
    return own;
  }

  #tell({ obstacle, remedy }: GroupObstacle): void {
    const text = `VM processes have no control groups that hold them to all limits: ${obstacle} Their resource limits hold. ${remedy}`;
    if (this.#said.has(text)) return;
    this.#said.add(text);
    this.#warn(text);
  }
}

/** The kernel may block a write for as long as it likes. */
async function inTime(placed: Promise<GroupObstacle | undefined>): Promise<GroupObstacle | undefined> {
  const late = Promise.withResolvers<GroupObstacle>();
  const timer = setTimeout(() => late.resolve(tooLate), DEADLINE_MS);
  try {
    return await Promise.race([placed, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

const tooLate: GroupObstacle = {
  obstacle: `they were not made within ${DEADLINE_MS / 1000} s.`,
  remedy: 'dmesg may say what the kernel is blocked on.',
};
