import type { Command } from 'commander';
import { initramfsScript } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { needDaemon } from '../daemon/find-daemon.ts';

export function addBootScriptCommand(program: Command, context: CliContext): void {
  program
    .command('boot-script')
    .summary('for the initramfs: keeps functions dismounted when the host starts')
    .description(
      'Prints a script for the initramfs that keeps the functions of the pools, and those that VMs have, from drivers that the initramfs loads. The rules for udev, which the daemon keeps in place by itself, do the same for drivers that are loaded later.',
    )
    .option('--json', 'one JSON document: the script, and the functions')
    .addHelpText('after', '\nExamples:\n  dda boot-script > /etc/initramfs-tools/scripts/init-top/dda\n')
    .action(async (flags: { readonly json?: boolean }) => {
      const daemon = await needDaemon(context);
      const { functions } = await daemon.ask(daemon.routes.functions.$get());
      const kept = functions.filter(({ state }) => state !== 'host' && state !== 'mounting' && state !== 'reshaping');
      const script = initramfsScript(kept);
      const document = { functions: kept.map(({ name }) => name), script };
      context.terminal.output(flags.json === true ? `${JSON.stringify(document)}\n` : script);
    });
}
