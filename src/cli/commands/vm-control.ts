import type { Command } from 'commander';
import { askVm, canonicalName, checkVmName, listVms, onlyVm } from '../../host/index.ts';
import type { ControlResult, ListedVm } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { parseDuration } from '../option-values.ts';
import { type Cell, formatTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';

interface ControlFlags {
  readonly json?: boolean;
}

const MIB = 2 ** 20;

export function addVmControlCommands(vm: Command, context: CliContext): void {
  addList(vm, context);
  addAdd(vm, context);
  addEject(vm, context);
  addRescind(vm, context);
  addStop(vm, context);
}

function addList(vm: Command, { terminal, controlDirectory }: CliContext): void {
  vm.command('list')
    .summary('the VMs that run, and what they have')
    .description('Shows the VMs that run now, and the functions that each has.')
    .option('--json', 'one JSON document instead of a table')
    .addHelpText('after', '\nExamples:\n  dda vm list\n')
    .action(async (flags: ControlFlags) => {
      const vms = await listVms(controlDirectory);
      if (flags.json === true) {
        terminal.output(
          `${JSON.stringify({ vms: vms.map(({ name, status }) => status ?? { name, state: 'silent' }) })}\n`,
        );
      } else if (vms.length === 0) {
        terminal.notices('No VM runs. Start one with: dda vm run\n');
      } else {
        terminal.output(
          formatTable(terminal, ['NAME', 'STATE', 'PID', 'CPUS', 'MEMORY', 'KERNEL', 'FUNCTIONS'], vms.map(row)),
        );
      }
    });
}

function row({ name, status }: ListedVm): Cell[] {
  if (status === undefined) return [name, 'silent', '-', '-', '-', '-', '-'].map((text) => ({ text }));
  const { state, processId, vcpus, memoryBytes, kernel, functions } = status;
  const memory = `${Math.floor(memoryBytes / MIB)} MiB`;
  return [name, state, String(processId), String(vcpus), memory, kernel, functions.join(', ') || '-'].map((text) => ({
    text,
  }));
}

function addAdd(vm: Command, context: CliContext): void {
  functionCommand(vm, 'add', 'lend a function to a running VM')
    .description(
      'Takes a function from its host driver if need be, and lends it to a VM that runs. The guest sees it arrive.',
    )
    .action(async (words: string[], flags: ControlFlags, command: Command) => {
      const { name, address } = await target(context, command, words);
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
      const { name, address } = await target(context, command, words);
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
      const { name, address } = await target(context, command, words);
      const result = await askVm(context.controlDirectory, name, { op: 'rescind', function: address });
      show(context.terminal, flags, name, result, `${result.function} back at the host`);
    });
}

function addStop(vm: Command, { terminal, controlDirectory }: CliContext): void {
  vm.command('stop')
    .summary('end a VM and give its functions back')
    .description('Ends a VM at once, without asking the guest, and waits until its functions are back at the host.')
    .argument('[NAME]', 'which VM; may be left out while only one runs')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExamples:\n  dda vm stop web\n')
    .action(async (named: string | undefined, flags: ControlFlags) => {
      const name = named === undefined ? await onlyVm(controlDirectory, 'stop a VM') : checkVmName(named);
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
    .argument('<BDF...>', "the VM's name (may be left out while only one runs), and the function: web 01:00.0")
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', `\nExamples:\n  dda vm ${verb} 01:00.0\n  dda vm ${verb} web 0000:01:00.0\n`);
}

async function target(
  { controlDirectory }: CliContext,
  command: Command,
  words: readonly string[],
): Promise<{ name: string; address: string }> {
  const [first = '', second, tooMany] = words;
  if (tooMany !== undefined)
    command.error("error: too many arguments: the VM's name and one function are all it takes");
  if (second === undefined) {
    const address = canonicalName(first);
    return { name: await onlyVm(controlDirectory, `${command.name()} ${address}`), address };
  }
  return { name: checkVmName(first), address: canonicalName(second) };
}

function show(terminal: Terminal, { json }: ControlFlags, name: string, result: object, sentence: string): void {
  const took = 'tookMs' in result && typeof result.tookMs === 'number' ? ` (${result.tookMs.toFixed(0)} ms)` : '';
  terminal.output(json === true ? `${JSON.stringify({ ok: true, name, ...result })}\n` : `${sentence}${took}\n`);
}
