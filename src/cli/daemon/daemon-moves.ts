import type { DaemonClient, ManagedFunctionJson } from '../../api/index.ts';
import type { MoveReport } from '../../host/index.ts';

/** What a move through the daemon comes to: the steps are the daemon's own. */
export type DaemonMove = Omit<MoveReport, 'steps'> & { readonly steps: readonly never[] };

/** `dda dismount` where a daemon runs: it does the work, so that the two don't fight over functions. */
export async function dismountThroughDaemon(
  daemon: DaemonClient,
  names: readonly string[],
  options: { readonly force: boolean; readonly pool?: string },
): Promise<DaemonMove> {
  const before = await functionsOf(daemon);
  const outcome = await daemon.ask(daemon.routes.dismount.$post({ json: { functions: [...names], ...options } }));
  return moveOf('dismount', before, outcome);
}

/** `dda mount` where a daemon runs. */
export async function mountThroughDaemon(daemon: DaemonClient, names: readonly string[]): Promise<DaemonMove> {
  const before = await functionsOf(daemon);
  const outcome = await daemon.ask(daemon.routes.mount.$post({ json: { functions: [...names] } }));
  return moveOf('mount', before, outcome);
}

async function functionsOf(daemon: DaemonClient): Promise<ReadonlyMap<string, ManagedFunctionJson>> {
  const { functions } = await daemon.ask(daemon.routes.functions.$get());
  return new Map(functions.map((fn) => [fn.name, fn]));
}

function moveOf(
  verb: MoveReport['verb'],
  before: ReadonlyMap<string, ManagedFunctionJson>,
  { functions, warnings }: { readonly functions: readonly ManagedFunctionJson[]; readonly warnings: readonly string[] },
): DaemonMove {
  const isUnchanged = (fn: ManagedFunctionJson): boolean => {
    const earlier = before.get(fn.name);
    return earlier?.state === fn.state && earlier.pool === fn.pool;
  };
  const named = (list: readonly ManagedFunctionJson[]): string[] => list.map((fn) => fn.name);
  return {
    verb,
    moved: named(functions.filter((fn) => !isUnchanged(fn))),
    unchanged: named(functions.filter(isUnchanged)),
    warnings,
    steps: [],
  };
}
