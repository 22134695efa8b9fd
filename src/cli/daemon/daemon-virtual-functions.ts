import type { DaemonClient, ManagedFunctionJson } from '../../api/index.ts';
import type { VirtualFunctionSettings, VirtualFunctionsTo } from '../../host/index.ts';
import type { Terminal } from '../terminal.ts';
import { whereabouts } from './function-words.ts';

interface Request {
  readonly physicalFunction: string;
  readonly count: number;
  readonly perFunction: readonly VirtualFunctionSettings[];
  readonly to: VirtualFunctionsTo;
}

interface Outcome {
  readonly functions: readonly ManagedFunctionJson[];
  readonly warnings: readonly string[];
}

/** `dda vf create` where a daemon runs: it makes them, and dismounts them where they are to go to a pool. */
export async function createThroughDaemon(daemon: DaemonClient, request: Request): Promise<Outcome> {
  const { physicalFunction, count, perFunction, to } = request;
  const made = await daemon.ask(
    daemon.routes.functions[':function']['virtual-functions'].$put({
      param: { function: physicalFunction },
      json: { count, settings: [...perFunction], drivenBy: to === 'nobody' ? 'nobody' : 'host' },
    }),
  );
  if (to !== 'pool') return made;
  const functions = made.functions.map((fn) => fn.name);
  const moved = await daemon.ask(daemon.routes.dismount.$post({ json: { functions } }));
  return { functions: moved.functions, warnings: [...made.warnings, ...moved.warnings] };
}

/** `dda vf remove` where a daemon runs. */
export function removeThroughDaemon(daemon: DaemonClient, physicalFunction: string): Promise<Outcome> {
  const param = { function: physicalFunction };
  return daemon.ask(daemon.routes.functions[':function']['virtual-functions'].$delete({ param }));
}

export function showOutcome(terminal: Terminal, outcome: Outcome, { json }: { readonly json?: boolean }): void {
  if (json === true) {
    terminal.output(`${JSON.stringify({ ok: true, ...outcome })}\n`);
    return;
  }
  for (const text of outcome.warnings) terminal.notices(`${terminal.style('yellow', 'warning')}: ${text}\n`);
  for (const fn of outcome.functions) terminal.output(`${fn.name} ${whereabouts(fn)}\n`);
}
