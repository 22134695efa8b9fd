import type { DaemonClient, VmJson } from '../../api/index.ts';
import { HostError, type ListedVm, listVms } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { findDaemon } from './find-daemon.ts';

/** Who runs a VM: the daemon, or a `dda vm run` in some terminal. */
export type VmHome = { readonly name: string } & (
  | { readonly by: 'daemon'; readonly daemon: DaemonClient }
  | { readonly by: 'run' }
);

export interface RunningVms {
  readonly daemon: DaemonClient | undefined;
  readonly ofDaemon: readonly VmJson[];
  readonly ofRuns: readonly ListedVm[];
}

/** Every VM of this host, wherever it runs. */
export async function runningVms(context: CliContext): Promise<RunningVms> {
  const daemon = await findDaemon(context);
  const ofRuns = await listVms(context.controlDirectory);
  if (daemon === undefined) return { daemon, ofDaemon: [], ofRuns };
  const { vms } = await daemon.ask(daemon.routes.vms.$get());
  return { daemon, ofDaemon: vms, ofRuns };
}

/** Where the VM of that name runs: with the daemon if that has one of it, with a `dda vm run` otherwise. */
export async function homeOf(context: CliContext, name: string): Promise<VmHome> {
  const daemon = await findDaemon(context);
  if (daemon === undefined) return { name, by: 'run' };
  const { vms } = await daemon.ask(daemon.routes.vms.$get());
  return vms.some((vm) => vm.name === name) ? { name, by: 'daemon', daemon } : { name, by: 'run' };
}

/** The only VM that runs anywhere. Throws HostError `no-such-vm`, `vm-name-needed`. */
export async function onlyHome(context: CliContext, asked: string): Promise<VmHome> {
  const { daemon, ofDaemon, ofRuns } = await runningVms(context);
  const homes: VmHome[] = [
    ...ofRuns.map(({ name }): VmHome => ({ name, by: 'run' })),
    ...ofDaemon.flatMap(({ name }): VmHome[] => (daemon === undefined ? [] : [{ name, by: 'daemon', daemon }])),
  ];
  const [only] = homes;
  if (only === undefined) {
    throw new HostError('no-such-vm', {
      asked,
      obstacle: 'no VM runs.',
      remedy: 'Start one with: dda vm run, or with the daemon: dda vm create',
    });
  }
  if (homes.length === 1) return only;
  const names = homes.map(({ name }) => name).toSorted();
  throw new HostError('vm-name-needed', {
    asked,
    obstacle: `several VMs run: ${names.join(', ')}.`,
    remedy: 'Name the one that is meant.',
    details: { names },
  });
}
