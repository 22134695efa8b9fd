import type { Command } from 'commander';
import type { AuditEntryJson } from '../../api/index.ts';
import type { CliContext } from '../cli-context.ts';
import { needDaemon } from '../daemon/find-daemon.ts';
import { parseCount } from '../option-values.ts';
import { type Cell, formatTable } from '../table.ts';

interface AuditFlags {
  readonly limit: number;
  readonly before?: number;
  readonly json?: boolean;
}

const MAX_LIMIT = 1000;

export function addAuditCommand(program: Command, context: CliContext): void {
  program
    .command('audit')
    .summary('who asked for what, when, and what became of it')
    .description('Shows what the daemon was asked for, latest first: when, by whom, and with what outcome.')
    .option('--limit <N>', 'how many', parseCount(1, MAX_LIMIT), 50)
    .option('--before <ID>', 'only those before this one', parseCount(1, Number.MAX_SAFE_INTEGER))
    .option('--json', 'one JSON document instead of a table')
    .addHelpText('after', '\nExamples:\n  dda audit\n  dda audit --limit 1000 --json\n')
    .action(async (flags: AuditFlags) => {
      const { terminal } = context;
      const daemon = await needDaemon(context);
      const query = {
        limit: String(flags.limit),
        ...(flags.before === undefined ? {} : { before: String(flags.before) }),
      };
      const page = await daemon.ask(daemon.routes.audit.$get({ query }));
      if (flags.json === true) {
        terminal.output(`${JSON.stringify(page)}\n`);
        return;
      }
      terminal.output(
        formatTable(terminal, ['ID', 'WHEN', 'TOOK', 'WHO', 'WHAT', 'OUTCOME', 'ABOUT'], page.entries.map(row)),
      );
      if (page.next !== null) terminal.notices(`More: dda audit --before ${page.next}\n`);
    });
}

function row({ id, at, by, what, target, outcome, code, tookMs }: AuditEntryJson): Cell[] {
  const told: Cell =
    outcome === 'done' ? { text: outcome } : { text: code ?? outcome, style: outcome === 'pending' ? 'yellow' : 'red' };
  return [
    { text: String(id) },
    { text: at },
    { text: tookMs === null ? '-' : `${Math.round(tookMs)} ms` },
    { text: `${by.command}[${by.processId}] of user ${by.userId}` },
    { text: what },
    told,
    { text: JSON.stringify(target) },
  ];
}
