import type { Command } from 'commander';
import type { EventJson } from '../../api/index.ts';
import type { CliContext } from '../cli-context.ts';
import { needDaemon } from '../daemon/find-daemon.ts';
import { whereabouts } from '../daemon/function-words.ts';
import { whileInterruptible } from '../interruptible.ts';

export function addEventsCommand(program: Command, context: CliContext): void {
  program
    .command('events')
    .summary('what changes, as it happens')
    .description('Shows every change from now on, one a line, until Ctrl-C.')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExamples:\n  dda events\n  dda events --json | jq \'select(.kind == "vm-removed")\'\n')
    .action(async (flags: { readonly json?: boolean }) => {
      const { terminal } = context;
      const daemon = await needDaemon(context);
      await whileInterruptible(async (signal) => {
        try {
          for await (const event of await daemon.events(signal)) {
            terminal.output(`${flags.json === true ? JSON.stringify(event) : `${event.at}  ${sentence(event)}`}\n`);
          }
        } catch (error) {
          if (!signal.aborted) throw error;
        }
      });
    });
}

function sentence(event: EventJson): string {
  switch (event.kind) {
    case 'function-changed':
      return `${event.function.name} ${whereabouts(event.function)}`;
    case 'function-removed':
      return `${event.name} unplugged`;
    case 'vm-changed':
      return `VM ${event.vm.name} ${event.vm.phase}`;
    case 'vm-removed':
      return `VM ${event.name} ended${event.exitCode === null ? '' : ` with exit code ${event.exitCode}`}${event.guestEnd === null ? '' : `: ${event.guestEnd.detail}`}`;
    case 'pools-changed':
      return `pools: ${event.pools.join(', ')}`;
    case 'audit': {
      const { by, what, outcome, code, id } = event.entry;
      return `request ${id} of ${by.command}[${by.processId}]: ${what} ${code ?? outcome}`;
    }
    case 'lost':
      return 'events were lost here: dda list shows how things stand';
  }
}
