import { Option } from 'commander';
import type { Command } from 'commander';
import {
  canonicalName,
  createVirtualFunctions,
  listPhysicalFunctions,
  readVirtualFunctions,
  removeVirtualFunctions,
} from '../../host/index.ts';
import type { VfOptions, VirtualFunctionsTo } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { createThroughDaemon, removeThroughDaemon, showOutcome } from '../daemon/daemon-virtual-functions.ts';
import { findDaemon } from '../daemon/find-daemon.ts';
import { collect, parseCount } from '../option-values.ts';
import type { Terminal } from '../terminal.ts';
import { functionSettings } from './vf-settings.ts';
import type { SettingFlags } from './vf-settings.ts';
import { showCreated, showRemoved, showVirtualFunctions } from './vf-report.ts';

interface CreateFlags extends SettingFlags {
  readonly count: number;
  readonly to: VirtualFunctionsTo;
  readonly json?: boolean;
}

/** PCI Express gives the number of virtual functions 16 bits. */
const mostFunctions = 65_535;
const mostResources = 65_535;
const lastVlan = 4094;

export function addVfCommands(program: Command, context: CliContext): void {
  const vf = program
    .command('vf')
    .summary('create, list and remove virtual functions (SR-IOV)')
    .description(
      'Creates, lists and removes the virtual functions of a physical function, which are lent like any function.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  dda vf list\n  dda vf create 01:00.0 --count 2\n  dda vm run --device 01:00.1\n  dda vf remove 01:00.0 --include-dismounted\n',
    );
  addCreate(vf, context);
  addRemove(vf, context);
  addList(vf, context);
}

function addCreate(vf: Command, context: CliContext): void {
  vf.command('create')
    .summary('create virtual functions, ready to be lent')
    .description(
      'Creates virtual functions of a physical function, sets each up before any driver has it, and dismounts them, ready to be lent. All or none.',
    )
    .argument('<BDF>', 'the physical function, for example 0000:01:00.0 or 01:00.0')
    .addOption(new Option('--count <N>', 'how many').argParser(parseCount(1, mostFunctions)).makeOptionMandatory())
    .option('--mac <MAC>', 'network: address of one function; given often, of one after another', collect)
    .addOption(
      new Option('--vlan <ID>', 'network: VLAN of all functions, 0 for none').argParser(parseCount(0, lastVlan)),
    )
    .option('--trust', 'network: guests may use other addresses; turns spoof checking off')
    .option('--no-trust', 'network: guests keep to their address; turns spoof checking on')
    .addOption(
      new Option(
        '--queues <N>',
        'NVMe: queue pairs of each, the admin pair included (default: an even share)',
      ).argParser(parseCount(2, mostResources)),
    )
    .addOption(
      new Option('--interrupts <N>', 'NVMe: interrupts of each (default: an even share)').argParser(
        parseCount(1, mostResources),
      ),
    )
    .addOption(
      new Option('--to <WHO>', 'who gets them: the pool (dismounted), the drivers of the host, nobody')
        .choices(['pool', 'host', 'nobody'])
        .default('pool'),
    )
    .option('--json', 'one JSON document on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  dda vf create 01:00.0 --count 2 --queues 3 --interrupts 2\n  dda vf create 02:00.0 --count 2 --mac 52:54:00:00:00:01 --mac 52:54:00:00:00:02 --vlan 42\n',
    )
    .action(async (address: string, flags: CreateFlags) => {
      const physicalFunction = canonicalName(address);
      const perFunction = functionSettings(flags);
      const daemon = await findDaemon(context);
      if (daemon !== undefined) {
        const request = { physicalFunction, count: flags.count, perFunction, to: flags.to };
        showOutcome(context.terminal, await createThroughDaemon(daemon, request), flags);
        return;
      }
      const report = await createVirtualFunctions(
        context.openHost('dda vf create'),
        { physicalFunction, count: flags.count, perFunction, to: flags.to },
        stepNotices(context.terminal, flags),
      );
      if (flags.json === true) context.terminal.output(`${JSON.stringify({ ok: true, ...report })}\n`);
      else showCreated(context.terminal, report);
    });
}

function addRemove(vf: Command, context: CliContext): void {
  vf.command('remove')
    .summary('remove the virtual functions of a physical function')
    .description(
      'Removes all virtual functions of a physical function. Refused while a VM has one. Doing it twice changes nothing.',
    )
    .argument('<BDF>', 'the physical function, for example 0000:01:00.0 or 01:00.0')
    .option('--include-dismounted', 'also those that are dismounted, ready to be lent')
    .option('--force', 'even if the host is using one')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExamples:\n  dda vf remove 01:00.0\n  dda vf remove 01:00.0 --include-dismounted\n')
    .action(async (address: string, flags: { includeDismounted?: boolean; force?: boolean; json?: boolean }) => {
      const daemon = await findDaemon(context);
      if (daemon !== undefined) {
        showOutcome(context.terminal, await removeThroughDaemon(daemon, canonicalName(address)), flags);
        return;
      }
      const report = await removeVirtualFunctions(context.openHost('dda vf remove'), canonicalName(address), {
        ...stepNotices(context.terminal, flags),
        includeDismounted: flags.includeDismounted ?? false,
        force: flags.force ?? false,
      });
      if (flags.json === true) context.terminal.output(`${JSON.stringify({ ok: true, ...report })}\n`);
      else showRemoved(context.terminal, report);
    });
}

function addList(vf: Command, context: CliContext): void {
  vf.command('list')
    .summary('physical functions and their virtual functions')
    .description('Shows the virtual functions of one physical function, or of all, and what their devices say of them.')
    .argument('[BDF]', 'only of this physical function')
    .option('--json', 'one JSON document instead of a table')
    .addHelpText('after', '\nExamples:\n  dda vf list\n  dda vf list 01:00.0 --json\n')
    .action(async (address: string | undefined, flags: { json?: boolean }) => {
      const host = context.openHost('dda vf list');
      const names = address === undefined ? listPhysicalFunctions(host) : [canonicalName(address)];
      const reports = [];
      for (const name of names) reports.push(await readVirtualFunctions(host, name));
      if (flags.json === true) context.terminal.output(`${JSON.stringify({ physicalFunctions: reports })}\n`);
      else showVirtualFunctions(context.terminal, reports);
    });
}

function stepNotices(terminal: Terminal, flags: { readonly json?: boolean }): VfOptions {
  if (flags.json === true) return {};
  return { onStep: (step, tookMs) => terminal.notices(`  ${step.intent} (${tookMs} ms)\n`) };
}
