import { type Command, Option } from 'commander';
import { defaultKeepRulesPath, openManager } from '../../host/index.ts';
import { type LogLevel, defaultStateDirectory, logLevels, serve } from '../../api/index.ts';
import type { CliContext } from '../cli-context.ts';
import { whileInterruptible } from '../interruptible.ts';

interface ServeFlags {
  readonly state: string;
  readonly socket: string;
  readonly logLevel: LogLevel;
  /** False: --no-boot-rules. */
  readonly bootRules: string | false;
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
    .addOption(new Option('--log-level <LEVEL>', 'how much it tells').choices(logLevels).default('info'))
    .addHelpText(
      'after',
      '\nExamples:\n  dda serve\n  systemctl enable --now dda    the same as a service, from now on\n',
    )
    .action(async (flags: ServeFlags) => {
      await whileInterruptible((signal) =>
        serve({
          stateDirectory: flags.state,
          socketPath: flags.socket,
          logLevel: flags.logLevel,
          version: context.version,
          openManager: (stateDirectory, reports) =>
            openManager(
              { stateDirectory, rulesPath: flags.bootRules === false ? undefined : flags.bootRules },
              reports,
            ),
          signal,
        }),
      );
    });
}
