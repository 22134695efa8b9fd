import type { Command } from 'commander';
import type { ManagedFunctionJson } from '../../api/index.ts';
import type { CliContext } from '../cli-context.ts';
import { needDaemon } from '../daemon/find-daemon.ts';
import { styleOf, whereabouts } from '../daemon/function-words.ts';
import { type Cell, formatTable } from '../table.ts';

export function addListCommand(program: Command, context: CliContext): void {
  program
    .command('list')
    .summary('every function, and who has it')
    .description('Shows every function that the daemon looks after, and who has it.')
    .option('--json', 'one JSON document instead of a table')
    .addHelpText(
      'after',
      '\nExamples:\n  dda list\n  dda list --json | jq -r \'.functions[] | select(.vm == "web").name\'\n',
    )
    .action(async (flags: { readonly json?: boolean }) => {
      const { terminal } = context;
      const daemon = await needDaemon(context);
      const list = await daemon.ask(daemon.routes.functions.$get());
      if (flags.json === true) terminal.output(`${JSON.stringify(list)}\n`);
      else
        terminal.output(formatTable(terminal, ['FUNCTION', 'GROUP', 'IDS', 'UNTIL', 'WHERE'], list.functions.map(row)));
    });
}

function row(fn: ManagedFunctionJson): Cell[] {
  const style = styleOf(fn);
  return [
    { text: fn.name },
    { text: fn.group.startsWith('none:') ? '-' : fn.group },
    { text: fn.ids },
    { text: fn.until ?? '-' },
    { text: whereabouts(fn), ...(style === undefined ? {} : { style }) },
  ];
}
