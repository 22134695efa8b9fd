import { type Command, Option } from 'commander';
import type { ManagedFunctionJson } from '../../api/index.ts';
import { HostError, canonicalName, checkVmName } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { needDaemon } from '../daemon/find-daemon.ts';
import { whereabouts } from '../daemon/function-words.ts';
import { parseDuration } from '../option-values.ts';
import type { Terminal } from '../terminal.ts';

interface AddFlags {
  readonly pool?: string;
  readonly class?: string;
  readonly json?: boolean;
}

interface RemoveFlags {
  readonly deadline?: number;
  readonly to?: 'pool' | 'host';
  readonly json?: boolean;
}

/** PCI class codes by the names that people use. PCI Code and ID Assignment Specification. */
const classNames: Readonly<Record<string, string>> = { nvme: '0108', network: '02', display: '03', usb: '0c03' };

export function addLoanCommands(program: Command, context: CliContext): void {
  addAdd(program, context);
  addRemove(program, context);
  addRelease(program, context);
}

function addAdd(program: Command, context: CliContext): void {
  program
    .command('add')
    .summary('lend a function to a VM')
    .description('Lends a function of a pool to a VM of the daemon: one by its address, or any that is free in a pool.')
    .argument('<VM>', 'which VM')
    .argument('[BDF]', 'which function, for example 0000:01:00.0 or 01:00.0')
    .option('--pool <NAME>', 'any that is free in this pool')
    .option(
      '--class <CLASS>',
      `of this class only: ${Object.keys(classNames).join(', ')}, or the digits of a class code`,
    )
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExamples:\n  dda add web 01:00.0\n  dda add web --pool fast --class nvme\n')
    .action(async (vm: string, address: string | undefined, flags: AddFlags) => {
      const wanted = wantedFunction(address, flags);
      const daemon = await needDaemon(context);
      const loans = daemon.routes.vms[':vm'].loans;
      const fn = await daemon.ask(loans.$post({ param: { vm: checkVmName(vm) }, json: wanted }));
      showFunction(context.terminal, fn, flags);
    });
}

function wantedFunction(
  address: string | undefined,
  flags: AddFlags,
): { function: string } | { pool: string; class?: string } {
  const { pool } = flags;
  if (address !== undefined && pool === undefined && flags.class === undefined) {
    return { function: canonicalName(address) };
  }
  if (address === undefined && pool !== undefined) {
    return { pool, ...(flags.class === undefined ? {} : { class: classNames[flags.class] ?? flags.class }) };
  }
  throw new HostError('options-conflict', {
    asked: 'lend a function',
    obstacle:
      address === undefined ? 'neither a function nor a pool was named.' : 'both a function and a choice were named.',
    remedy: 'Name one: dda add VM BDF, or dda add VM --pool NAME [--class CLASS]',
  });
}

function addRemove(program: Command, context: CliContext): void {
  program
    .command('remove')
    .summary('get a function back from a VM')
    .description(
      'Asks the guest to let go of a function, and at the deadline takes it whatever the guest does. It is reset, and back in its pool or at the host, when this command ends.',
    )
    .argument('<VM>', 'which VM')
    .argument('<BDF>', 'which function, for example 0000:01:00.0 or 01:00.0')
    .option(
      '--deadline <TIME>',
      'how long the guest has: 0s (it is not asked), 500ms, 60s (default: 60s)',
      parseDuration,
    )
    .addOption(new Option('--to <WHERE>', 'where it goes (default: pool)').choices(['pool', 'host']))
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExamples:\n  dda remove web 01:00.0\n  dda remove web 01:00.0 --deadline 5s --to host\n')
    .action(async (vm: string, address: string, flags: RemoveFlags) => {
      const daemon = await needDaemon(context);
      const fn = await daemon.ask(
        daemon.routes.vms[':vm'].loans[':function'].$delete({
          param: { vm: checkVmName(vm), function: canonicalName(address) },
          query: {
            ...(flags.deadline === undefined ? {} : { deadlineMs: String(flags.deadline) }),
            ...(flags.to === undefined ? {} : { to: flags.to }),
          },
        }),
      );
      showFunction(context.terminal, fn, flags);
    });
}

function addRelease(program: Command, context: CliContext): void {
  program
    .command('release')
    .summary('from quarantine back to the pool')
    .description(
      'Makes sure that nobody holds a function that is in quarantine, resets it, and puts it back into its pool.',
    )
    .argument('<BDF>', 'which function, for example 0000:01:00.0 or 01:00.0')
    .option('--force', 'without a reset: what a VM left in it stays')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExamples:\n  dda release 01:00.0\n')
    .action(async (address: string, flags: { readonly force?: boolean; readonly json?: boolean }) => {
      const daemon = await needDaemon(context);
      const fn = await daemon.ask(
        daemon.routes.quarantine[':function'].release.$post({
          param: { function: canonicalName(address) },
          json: { force: flags.force ?? false },
        }),
      );
      showFunction(context.terminal, fn, flags);
    });
}

function showFunction(terminal: Terminal, fn: ManagedFunctionJson, { json }: { readonly json?: boolean }): void {
  if (json === true) {
    terminal.output(`${JSON.stringify({ ok: true, function: fn })}\n`);
    return;
  }
  if (fn.problem !== null) terminal.notices(`${terminal.style('yellow', 'warning')}: ${fn.problem.message}\n`);
  terminal.output(`${fn.name} ${whereabouts(fn)}\n`);
}
