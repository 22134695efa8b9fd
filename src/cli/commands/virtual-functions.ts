import { type Command, InvalidArgumentError } from 'commander';
import type { ManagedFunctionJson } from '../../api/index.ts';
import { canonicalName } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { needDaemon } from '../daemon/find-daemon.ts';
import { whereabouts } from '../daemon/function-words.ts';
import { parseCount } from '../option-values.ts';
import type { Terminal } from '../terminal.ts';

interface CreateFlags {
  readonly mac?: readonly string[];
  readonly vlan?: number;
  readonly trust?: boolean;
  readonly json?: boolean;
}

const MAX_VIRTUAL_FUNCTIONS = 256;
const MAX_VLAN = 4094;

export function addVirtualFunctionCommands(program: Command, context: CliContext): void {
  const vf = program
    .command('vf')
    .helpCommand(false)
    .summary('virtual functions of SR-IOV: make and remove them')
    .description('Makes and removes the virtual functions of a physical one, which stays with the host.')
    .addHelpText('after', '\nExamples:\n  dda vf create 01:00.0 4\n  dda dismount 01:00.1 --pool fast\n');
  vf.command('create')
    .summary('make virtual functions')
    .description('Replaces the virtual functions of a physical one. They belong to the host until they are dismounted.')
    .argument('<BDF>', 'the physical function')
    .argument('<COUNT>', 'how many', parseCount(1, MAX_VIRTUAL_FUNCTIONS))
    .option('--mac <ADDRESS>', 'for the first, the second, …; may be given often', collectMac)
    .option('--vlan <ID>', 'for all of them; 0: none', parseCount(0, MAX_VLAN))
    .option('--trust', 'let their drivers change addresses and see all traffic')
    .option('--json', 'one JSON document on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  dda vf create 01:00.0 4\n  dda vf create 02:00.0 2 --mac 02:00:00:00:00:01 --vlan 7\n',
    )
    .action(async (address: string, count: number, flags: CreateFlags) => {
      const daemon = await needDaemon(context);
      const settings = settingsOf(count, flags);
      const outcome = await daemon.ask(
        daemon.routes.functions[':function']['virtual-functions'].$put({
          param: { function: canonicalName(address) },
          json: { count, ...(settings === undefined ? {} : { settings }) },
        }),
      );
      show(context.terminal, outcome, flags);
    });
  vf.command('remove')
    .summary('remove virtual functions')
    .description('Removes all virtual functions of a physical one. Refused while one of them is dismounted.')
    .argument('<BDF>', 'the physical function')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExamples:\n  dda vf remove 01:00.0\n')
    .action(async (address: string, flags: { readonly json?: boolean }) => {
      const daemon = await needDaemon(context);
      const param = { function: canonicalName(address) };
      const outcome = await daemon.ask(daemon.routes.functions[':function']['virtual-functions'].$delete({ param }));
      show(context.terminal, outcome, flags);
    });
}

function settingsOf(
  count: number,
  { mac = [], vlan, trust }: CreateFlags,
): { mac?: string; vlan?: number; trust?: boolean }[] | undefined {
  if (mac.length === 0 && vlan === undefined && trust === undefined) return undefined;
  return Array.from({ length: count }, (_, i) => {
    const own = mac[i];
    return {
      ...(own === undefined ? {} : { mac: own }),
      ...(vlan === undefined ? {} : { vlan }),
      ...(trust === undefined ? {} : { trust }),
    };
  });
}

function collectMac(text: string, earlier: readonly string[] = []): string[] {
  const address = text.toLowerCase();
  if (/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(address)) return [...earlier, address];
  throw new InvalidArgumentError('It is six hexadecimal bytes: 02:00:00:00:00:01.');
}

function show(
  terminal: Terminal,
  { functions, warnings }: { readonly functions: readonly ManagedFunctionJson[]; readonly warnings: readonly string[] },
  { json }: { readonly json?: boolean },
): void {
  if (json === true) {
    terminal.output(`${JSON.stringify({ ok: true, functions, warnings })}\n`);
    return;
  }
  for (const text of warnings) terminal.notices(`${terminal.style('yellow', 'warning')}: ${text}\n`);
  for (const fn of functions) terminal.output(`${fn.name} ${whereabouts(fn)}\n`);
}
