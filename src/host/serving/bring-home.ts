import { HostError } from '../errors.ts';
import type { Caller } from '../journal/audit.ts';
import type { ManagedFunction, Manager } from '../manager/manager.ts';
import { isOnTheWay } from '../ownership/guards.ts';

/**
 * The pool for what a daemon takes from the host for as long as one command runs. What is in another was dismounted by somebody
 * who wants it so.
 */
export const BORROWED_POOL = 'borrowed';

/**
 * Ends all VMs and gives what is in the pool {@link BORROWED_POOL} back to the host's drivers. One that can't go home keeps no
 * other. Throws HostError `functions-left` with what is elsewhere then, and why.
 */
export async function bringHome(manager: Manager, by: Caller): Promise<void> {
  // What keeps a VM or a function is told below, by where they are then.
  await Promise.allSettled(manager.snapshot().vms.map(({ name }) => manager.stopVm({ name }, by)));
  await allAtRest(manager);
  const tried = new Set<string>();
  for (let next = nextOf(manager, tried); next !== undefined; next = nextOf(manager, tried)) {
    tried.add(next.name);
    await Promise.allSettled([manager.mount({ functions: [next.name] }, by)]);
    await allAtRest(manager);
  }
  const left = borrowedOf(manager);
  if (left.length > 0) throw functionsLeft(left);
}

function borrowedOf(manager: Manager): ManagedFunction[] {
  // One that is unplugged has no driver to go to.
  return manager.snapshot().functions.filter(({ present, owner }) => present && poolOf(owner) === BORROWED_POOL);
}

/** Its group goes with it, so the next one may be home by then. */
function nextOf(manager: Manager, tried: ReadonlySet<string>): ManagedFunction | undefined {
  return borrowedOf(manager).find(({ name, owner }) => owner.kind === 'pool' && !tried.has(name));
}

function poolOf(owner: ManagedFunction['owner']): string | undefined {
  return 'pool' in owner ? owner.pool : undefined;
}

/** Everything that is on its way has a bound, so this ends. */
function allAtRest(manager: Manager): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (manager.snapshot().functions.some(isOnTheWay)) return;
      stop();
      resolve();
    };
    const stop = manager.on(look);
    look();
  });
}

function functionsLeft(left: readonly ManagedFunction[]): HostError {
  const names = left.map(({ name }) => name);
  const why = left.map(({ name, owner, problem }) => {
    const reason = owner.kind === 'quarantine' ? `in quarantine (${owner.reason})` : 'in the pool';
    return `${name} is ${reason}${problem === undefined ? '' : `: ${problem.message}`}`;
  });
  return new HostError('functions-left', {
    asked: 'give everything back to the host',
    obstacle: `${why.join('; ')}${why.at(-1)?.endsWith('.') === true ? '' : '.'}`,
    remedy: `To give it to the host's driver as it is: dda mount ${names.join(' ')}`,
    details: { functions: names },
  });
}
