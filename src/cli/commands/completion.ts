import { Argument } from 'commander';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';
import { completionScript, shells } from '../completion-script.ts';
import type { Shell } from '../completion-script.ts';

export function addCompletionCommand(program: Command, context: CliContext): void {
  program
    .command('completion')
    .summary('a completion script for your shell')
    .description('Prints a script that makes your shell complete commands, options and PCI addresses.')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .addHelpText(
      'after',
      '\nExamples:\n  dda completion bash > /etc/bash_completion.d/dda\n  dda completion zsh > "${fpath[1]}/_dda"\n  dda completion fish > ~/.config/fish/completions/dda.fish\n',
    )
    .action((shell: Shell) => context.terminal.output(completionScript(program, shell)));
}
