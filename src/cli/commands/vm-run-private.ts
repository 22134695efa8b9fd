import type { Command } from 'commander';
import { HostError, reportedGuestFailure, windowSizesFor, writeGuest } from '../../host/index.ts';
import type { GuestFiles, Host, HostFunction, PreparedGuest } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { refuseBesideDaemon } from '../daemon/find-daemon.ts';
import { type PrivateRunRequest, runPrivately } from '../private-daemon/private-run.ts';
import { atConsole } from './console-run.ts';
import { daemonDisks } from './guest-options.ts';
import type { VmRunFlags } from './vm-run-options.ts';

/** Options of `vm run` that the daemon's VMs don't have. */
const ownProcessOnly = {
  vpciVersion: '--vpci-version',
  vmbusVersion: '--vmbus-version',
  ejectDeadline: '--eject-deadline',
  trace: '--trace',
};

/** Throws HostError `options-conflict`, ApiError `daemon-running`. */
export async function refusePrivateRun(context: CliContext, command: Command): Promise<void> {
  const given = Object.entries(ownProcessOnly).filter(([name]) => command.getOptionValueSource(name) === 'cli');
  if (given.length > 0) {
    throw new HostError('options-conflict', {
      asked: `use ${given.map(([, option]) => option).join(' and ')} with --private-daemon`,
      obstacle: "a daemon's VMs have no such setting.",
      remedy: 'Leave it out, or run the VM without --private-daemon.',
    });
  }
  await refuseBesideDaemon(
    context,
    'start a private daemon',
    'Let that one run the VM: dda vm create, dda add, dda vm console.',
  );
}

/** The VM in a process without privileges, looked after by a daemon that ends with this command. */
export async function runWithPrivateDaemon(
  context: CliContext,
  flags: VmRunFlags,
  parts: {
    readonly name: string;
    readonly host: Host;
    readonly asked: readonly HostFunction[];
    readonly files: GuestFiles;
    readonly guest: PreparedGuest;
  },
): Promise<void> {
  const { name, host, asked, files, guest } = parts;
  const facts = { name, kernelName: guest.kernelName, memoryBytes: flags.memory, vcpus: flags.cpus };
  const request: PrivateRunRequest = {
    name,
    functions: asked.map((fn) => fn.name),
    spec: async ({ directory }) => ({
      ...(await writeGuest(guest, files, directory)),
      memoryBytes: flags.memory,
      cpuCount: flags.cpus,
      ...daemonDisks(flags),
      highWindowBytes: windowSizesFor(host.tree, flags.disk?.length),
    }),
    onReset: flags.onReset,
    force: flags.force ?? false,
  };
  await atConsole(context, flags, facts, guest.warnings, async (observer) => {
    const { end, crash, restarts } = await runPrivately(context.program, request, observer);
    return {
      told: { kind: end?.how ?? 'gone', crash, restarts, exits: undefined },
      sentence: end?.detail ?? 'its process ended without a word',
      failure: reportedGuestFailure(name, end, crash),
    };
  });
}
