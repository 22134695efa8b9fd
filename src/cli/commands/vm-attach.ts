import { type Command, Option } from 'commander';
import { checkVmName } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { needDaemon } from '../daemon/find-daemon.ts';
import { whileInterruptible } from '../interruptible.ts';
import { type ConsoleMode, GuestKeyboard, consoleModes, endKeys } from './vm-console.ts';

interface AttachFlags {
  readonly console: ConsoleMode;
}

export function addVmConsoleCommand(vm: Command, context: CliContext): void {
  vm.command('console')
    .summary("a VM's console on this terminal")
    .description(
      "Shows what a VM of the daemon prints from now on, and types into it what is typed here. Leaving it doesn't end the VM.",
    )
    .argument('<NAME>', 'which VM')
    .addOption(
      new Option(
        '--console <MODE>',
        'who gets Ctrl-C: the host, which leaves; the guest (Ctrl-] leaves then); off: no input',
      )
        .choices(consoleModes)
        .default('guest'),
    )
    .addHelpText('after', '\nExamples:\n  dda vm console web\n')
    .action(async (named: string, flags: AttachFlags) => {
      const name = checkVmName(named);
      const daemon = await needDaemon(context);
      const port = context.guestConsole();
      await whileInterruptible(async (signal) => {
        const output = await daemon.console(name, signal);
        if (port.isTerminal) context.terminal.notices(`Console of ${name}; ${endKeys[flags.console]} leaves it\n`);
        const keyboard = new GuestKeyboard(port, flags.console);
        // One after the other: what is typed must arrive in order.
        let typing = Promise.resolve();
        const failed = Promise.withResolvers<never>();
        keyboard.connect((bytes) => {
          typing = typing.then(() => daemon.type(name, new Uint8Array(bytes)));
          typing.catch(failed.reject);
        });
        const printing = async (): Promise<void> => {
          for await (const bytes of output) {
            port.write(bytes);
            keyboard.printed();
          }
        };
        try {
          await Promise.race([printing(), failed.promise]);
        } catch (error) {
          if (!signal.aborted) throw error;
        } finally {
          keyboard.close();
          await port.flushed();
        }
      });
    });
}
