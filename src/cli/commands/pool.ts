import type { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';
import { needDaemon } from '../daemon/find-daemon.ts';
import { formatTable } from '../table.ts';

interface PoolFlags {
  readonly json?: boolean;
}

export function addPoolCommands(program: Command, context: CliContext): void {
  const pool = program
    .command('pool')
    .helpCommand(false)
    .summary('pools: functions that may be lent, by name')
    .description('Pools hold the functions that may be lent. A VM can ask for any that is free in one.')
    .addHelpText('after', '\nExamples:\n  dda pool create fast\n  dda dismount 01:00.0 --pool fast\n  dda pool list\n');
  addList(pool, context);
  change(pool, context, 'create', 'make a pool');
  change(pool, context, 'remove', 'remove a pool that is empty');
}

function addList(pool: Command, context: CliContext): void {
  pool
    .command('list')
    .summary('every pool, and what is in it')
    .description('Shows every pool with the functions that belong to it, and how many of them are free.')
    .option('--json', 'one JSON document instead of a table')
    .addHelpText('after', '\nExamples:\n  dda pool list\n')
    .action(async (flags: PoolFlags) => {
      const { terminal } = context;
      const daemon = await needDaemon(context);
      const { pools } = await daemon.ask(daemon.routes.pools.$get());
      const { functions } = await daemon.ask(daemon.routes.functions.$get());
      const rows = pools.map((name) => {
        const own = functions.filter((fn) => fn.pool === name);
        return { name, free: own.filter((fn) => fn.state === 'pool' && fn.present).length, functions: own };
      });
      if (flags.json === true) {
        const document = rows.map((row) => ({ ...row, functions: row.functions.map((fn) => fn.name) }));
        terminal.output(`${JSON.stringify({ pools: document })}\n`);
        return;
      }
      const cells = rows.map((row) => [
        { text: row.name },
        { text: `${row.free} of ${row.functions.length}` },
        { text: row.functions.map((fn) => fn.name).join(', ') || '-' },
      ]);
      terminal.output(formatTable(terminal, ['POOL', 'FREE', 'FUNCTIONS'], cells));
    });
}

function change(pool: Command, context: CliContext, verb: 'create' | 'remove', summary: string): void {
  pool
    .command(verb)
    .summary(summary)
    .description(verb === 'create' ? 'Makes a pool.' : 'Removes a pool that no function belongs to.')
    .argument('<NAME>', '1 to 32 characters, each a-z, 0-9 or -')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', `\nExamples:\n  dda pool ${verb} fast\n`)
    .action(async (name: string, flags: PoolFlags) => {
      const daemon = await needDaemon(context);
      const routes = daemon.routes.pools;
      const { pools } = await (verb === 'create'
        ? daemon.ask(routes.$post({ json: { name } }))
        : daemon.ask(routes[':pool'].$delete({ param: { pool: name } })));
      const sentence = `pool ${name} ${verb === 'create' ? 'made' : 'removed'}`;
      context.terminal.output(flags.json === true ? `${JSON.stringify({ ok: true, pools })}\n` : `${sentence}\n`);
    });
}
