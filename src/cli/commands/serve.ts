import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { defaultKeepRulesPath, openManager } from '../../host/index.ts';
import { type LogLevel, defaultStateDirectory, onlyOneDirectory, logLevels, serve } from '../../api/index.ts';
import type { CliContext } from '../cli-context.ts';
import { whileInterruptible } from '../interruptible.ts';
import { servePrivately } from '../private-daemon/serve-privately.ts';

interface ServeFlags {
  readonly state: string;
  readonly socket: string;
  readonly logLevel: LogLevel;
  /** False: --no-boot-rules. */
  readonly bootRules: string | false;
  readonly private?: string;
}

export function addServeCommand(program: Command, context: CliContext): void {
  program
    .command('serve')
    .summary("the daemon that looks after this host's functions")
    .description(
      "Looks after this host's functions and runs its VMs, and does what the other commands and its API ask for. Ends on SIGTERM or Ctrl-C, and then leaves everything as it is: VMs run on, and the next daemon finds them.",
    )
    .option('--state <DIR>', 'where its journal is', defaultStateDirectory)
    .option('--socket <FILE>', 'where its API listens', context.daemonSocket)
    .option('--boot-rules <FILE>', 'where the rules for udev go that keep functions dismounted', defaultKeepRulesPath)
    .option('--no-boot-rules', 'no such rules: a restart of the host gives functions back')
    .addOption(
      new Option(
        '--private <DIR>',
        'for one command: everything in that directory, until standard input ends; then its VMs are ended, and what it took is given back to the host',
      ).conflicts(['state', 'socket', 'bootRules']),
    )
    .addOption(new Option('--log-level <LEVEL>', 'how much it tells').choices(logLevels).default('info'))
    .addHelpText(
      'after',
      '\nExamples:\n  dda serve\n  systemctl enable --now dda    the same as a service, from now on\n',
    )
    .action(async (flags: ServeFlags) => {
      const { logLevel, private: directory } = flags;
      await whileInterruptible((signal) => {
        const common = { logLevel, version: context.version, onlyOne: onlyOneDirectory, signal };
        if (directory !== undefined) return servePrivately(resolve(directory), common);
        return serve({
          ...common,
          stateDirectory: flags.state,
          socketPath: flags.socket,
          openManager: (stateDirectory, reports) =>
            openManager(
              { stateDirectory, rulesPath: flags.bootRules === false ? undefined : flags.bootRules },
              reports,
            ),
        });
      });
    });
}
