import type { Command } from 'commander';
import { askVm, checkVmName, functionName } from '../../host/index.ts';
import type { ControlResult } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { refuseBesideDaemon } from '../daemon/find-daemon.ts';
import { whereabouts } from '../daemon/function-words.ts';
import { type VmHome, homeOf, onlyHome } from '../daemon/vm-homes.ts';
import { parseDuration } from '../option-values.ts';
import type { Terminal } from '../terminal.ts';

interface ControlFlags {
  readonly json?: boolean;
}

export function addVmControlCommands(vm: Command, context: CliContext): void {
  addAdd(vm, context);
  addEject(vm, context);
  addRescind(vm, context);
  addStop(vm, context);
}

function addAdd(vm: Command, context: CliContext): void {
  functionCommand(vm, 'add', 'lend a function to a running VM')
    .description(
      'Takes a function from its host driver if need be, and lends it to a VM that runs. The guest sees it arrive.',
    )
    .action(async (words: string[], flags: ControlFlags, command: Command) => {
      const { home, address } = await target(context, command, words);
      const { name } = home;
      if (home.by === 'daemon') {
        const { daemon } = home;
        const loans = daemon.routes.vms[':vm'].loans;
        const fn = await daemon.ask(loans.$post({ param: { vm: name }, json: { function: address } }));
        show(context.terminal, flags, name, { function: fn.name }, `${fn.name} ${whereabouts(fn)}`);
        return;
      }
      await refuseBesideDaemon(
        context,
        `lend ${address} to ${name}`,
        'Lend it to a VM of the daemon: dda vm create, dda add.',
      );
      const result = await askVm(context.controlDirectory, name, { op: 'add', function: address });
      show(context.terminal, flags, name, result, `${result.function} lent to ${name}`);
    });
}

function addEject(vm: Command, context: CliContext): void {
  functionCommand(vm, 'eject', 'ask a VM for a function, and give it back to the host')
    .description(
      'Asks the guest to let go of a function, waits for it, takes the function at the deadline in any case, and gives it back to its host driver.',
    )
    .option(
      '--deadline <TIME>',
      'how long the guest may take: 500ms, 60s (default: what the VM was started with)',
      parseDuration,
    )
    .action(async (words: string[], flags: ControlFlags & { readonly deadline?: number }, command: Command) => {
      const { home, address } = await target(context, command, words);
      const { name } = home;
      if (home.by === 'daemon') {
        await removeThroughDaemon(context, home, address, flags, flags.deadline);
        return;
      }
      const result = await askVm(context.controlDirectory, name, {
        op: 'eject',
        function: address,
        ...(flags.deadline === undefined ? {} : { deadlineMs: flags.deadline }),
      });
      show(context.terminal, flags, name, result, `${result.function} back at the host: ${outcomes[result.outcome]}`);
    });
}

const outcomes: Readonly<Record<ControlResult<'eject'>['outcome'], string>> = {
  ejected: 'the guest let go of it',
  'not-in-use': 'the guest had not been using it',
  deadline: 'taken at the deadline, the guest had not let go of it',
  rescinded: 'somebody took it meanwhile',
};

function addRescind(vm: Command, context: CliContext): void {
  functionCommand(vm, 'rescind', 'take a function from a VM without asking the guest')
    .description('Takes a function from a VM at once, without asking the guest, and gives it back to its host driver.')
    .action(async (words: string[], flags: ControlFlags, command: Command) => {
      const { home, address } = await target(context, command, words);
      const { name } = home;
      if (home.by === 'daemon') {
        await removeThroughDaemon(context, home, address, flags, 0);
        return;
      }
      const result = await askVm(context.controlDirectory, name, { op: 'rescind', function: address });
      show(context.terminal, flags, name, result, `${result.function} back at the host`);
    });
}

/** Back to the host, as these commands do it; `dda remove` leaves it in its pool. */
async function removeThroughDaemon(
  { terminal }: CliContext,
  { name, daemon }: Extract<VmHome, { by: 'daemon' }>,
  address: string,
  flags: ControlFlags,
  deadlineMs: number | undefined,
): Promise<void> {
  const query = { to: 'host' as const, ...(deadlineMs === undefined ? {} : { deadlineMs: String(deadlineMs) }) };
  const loan = daemon.routes.vms[':vm'].loans[':function'];
  const fn = await daemon.ask(loan.$delete({ param: { vm: name, function: address }, query }));
  show(terminal, flags, name, { function: fn.name }, `${fn.name} ${whereabouts(fn)}`);
}

function addStop(vm: Command, context: CliContext): void {
  const { terminal, controlDirectory } = context;
  vm.command('stop')
    .summary('end a VM and give its functions back')
    .description('Ends a VM at once, without asking the guest, and waits until its functions are back at the host.')
    .argument('[NAME]', 'which VM; may be left out while only one runs')
    .option('--force', "kill the process of a daemon's VM at once")
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExamples:\n  dda vm stop web\n')
    .action(async (named: string | undefined, flags: ControlFlags & { readonly force?: boolean }) => {
      const home = await (named === undefined ? onlyHome(context, 'stop a VM') : homeOf(context, checkVmName(named)));
      const { name } = home;
      if (home.by === 'daemon') {
        const { daemon } = home;
        const { functions, warnings } = await daemon.ask(
          daemon.routes.vms[':vm'].stop.$post({ param: { vm: name }, json: { force: flags.force ?? false } }),
        );
        for (const text of warnings) terminal.notices(`${terminal.style('yellow', 'warning')}: ${text}\n`);
        const back = functions.map((fn) => `\n${fn.name} ${whereabouts(fn)}`).join('');
        show(terminal, flags, name, { functions }, `${name} ended${back}`);
        return;
      }
      const result = await askVm(controlDirectory, name, { op: 'stop' });
      show(terminal, flags, name, result, `${name} ended; its functions are back at the host`);
    });
}

/** A command on one function of one VM. */
function functionCommand(vm: Command, verb: string, summary: string): Command {
  return vm
    .command(verb)
    .summary(summary)
    .usage('[options] [NAME] BDF')
    .argument(
      '<BDF...>',
      "the VM's name (may be left out while only one runs), and the function: web 01:00.0, or a disk: web disk0",
    )
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', `\nExamples:\n  dda vm ${verb} 01:00.0\n  dda vm ${verb} web 0000:01:00.0\n`);
}

async function target(
  context: CliContext,
  command: Command,
  words: readonly string[],
): Promise<{ home: VmHome; address: string }> {
  const [first = '', second, tooMany] = words;
  if (tooMany !== undefined)
    command.error("error: too many arguments: the VM's name and one function are all it takes");
  if (second === undefined) {
    const address = functionName(first);
    return { home: await onlyHome(context, `${command.name()} ${address}`), address };
  }
  const [name, address] = [checkVmName(first), functionName(second)];
  return { home: await homeOf(context, name), address };
}

function show(terminal: Terminal, { json }: ControlFlags, name: string, result: object, sentence: string): void {
  const took = 'tookMs' in result && typeof result.tookMs === 'number' ? ` (${result.tookMs.toFixed(0)} ms)` : '';
  terminal.output(json === true ? `${JSON.stringify({ ok: true, name, ...result })}\n` : `${sentence}${took}\n`);
}
