import { join } from 'node:path';
import type { ListedVm } from './control-client.ts';
import type { ControlOp, ControlRequest, ControlResult } from './protocol.ts';
import type { TraceNews } from './trace-source.ts';

export type { ListedVm } from './control-client.ts';

/** Where the control sockets of running VMs are: root's, or those of another user. */
export function controlDirectory(): string {
  const own = process.env['XDG_RUNTIME_DIR'];
  return process.getuid?.() === 0 || own === undefined ? '/run/dda/vms' : join(own, 'dda/vms');
}

// What checks requests takes longer to load than all the rest of the program, and most commands don't need it.
const client = (): Promise<typeof import('./control-client.ts')> => import('./control-client.ts');

/** The VMs that run now, by name. Removes what dead ones left. */
export async function listVms(directory: string): Promise<ListedVm[]> {
  return (await client()).listVms(directory);
}

/** The VM that is meant when none is named. Throws HostError `no-such-vm`, `vm-name-needed`. */
export async function onlyVm(directory: string, asked: string): Promise<string> {
  return (await client()).onlyVm(directory, asked);
}

/**
 * Asks one VM and gives its answer. Throws what it threw as ReportedError, and HostError `no-such-vm`, `vm-gone`,
 * `vm-not-answering`, `not-permitted`.
 */
export async function askVm<Op extends ControlOp>(
  directory: string,
  name: string,
  request: Extract<ControlRequest, { op: Op }>,
): Promise<ControlResult<Op>> {
  return (await client()).askVm(directory, name, request);
}

/** Has a VM record, and gives what it records, until `signal` or the VM ends it. Throws as {@link askVm} does. */
export async function traceVm(
  directory: string,
  name: string,
  signal: AbortSignal,
): Promise<AsyncGenerator<TraceNews>> {
  return (await client()).traceVm(directory, name, signal);
}
