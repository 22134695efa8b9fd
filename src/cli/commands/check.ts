import type { Command } from 'commander';
import { ExitCode, judgeReadiness } from '../../host/index.ts';
import type { ReadinessCheck } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { wrap } from '../table.ts';
import type { Style } from '../terminal.ts';

const marks: Readonly<Record<ReadinessCheck['state'], { readonly word: string; readonly style: Style }>> = {
  ready: { word: 'ok', style: 'green' },
  limited: { word: 'limited', style: 'yellow' },
  missing: { word: 'missing', style: 'red' },
};

export function addCheckCommand(program: Command, context: CliContext): void {
  program
    .command('check')
    .summary('whether this machine can lend functions to guests')
    .description(
      'Says point by point whether this machine can lend PCI functions to guests, and what to do where it can not. Exit code 0: it can; 5: something is missing.',
    )
    .option('--json', 'one JSON document instead of text')
    .action((options: { json?: boolean }) => {
      const { terminal } = context;
      const checks = judgeReadiness(context.readReadiness(context.openHost('dda check')));
      const ok = checks.every((check) => check.state !== 'missing');
      if (options.json === true) {
        const points = checks.map((check) => ({ ...check, remedy: check.remedy ?? null }));
        terminal.output(`${JSON.stringify({ ok, checks: points })}\n`);
      } else {
        for (const check of checks) {
          const { word, style } = marks[check.state];
          terminal.output(`${terminal.style(style, word.padEnd(8))} ${check.code}\n`);
          terminal.output(`${wrap(terminal, check.sentence, '         ', '         ')}\n`);
          if (check.remedy !== undefined)
            terminal.output(`${wrap(terminal, check.remedy, '         → ', '           ')}\n`);
        }
      }
      context.setExitCode(ok ? ExitCode.done : ExitCode.impossible);
    });
}
