import type { Command } from 'commander';
import { initramfsScript, udevRules } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { needDaemon } from '../daemon/find-daemon.ts';

export function addBootRulesCommand(program: Command, context: CliContext): void {
  program
    .command('boot-rules')
    .summary('what keeps functions dismounted when the host starts')
    .description(
      "Prints the rules for udev that keep the functions of the pools, and those that VMs have, from the host's drivers when the host starts. The daemon keeps them in place by itself; the script for the initramfs is for drivers that are loaded before udev, and is yours to install.",
    )
    .option('--initramfs', 'a script for /etc/initramfs-tools/scripts/init-top instead')
    .option('--json', 'one JSON document: both, and the functions')
    .addHelpText(
      'after',
      '\nExamples:\n  dda boot-rules\n  dda boot-rules --initramfs > /etc/initramfs-tools/scripts/init-top/dda\n',
    )
    .action(async (flags: { readonly initramfs?: boolean; readonly json?: boolean }) => {
      const daemon = await needDaemon(context);
      const { functions } = await daemon.ask(daemon.routes.functions.$get());
      const kept = functions.filter(({ state }) => state !== 'host' && state !== 'mounting' && state !== 'reshaping');
      const [udev, initramfs] = [udevRules(kept), initramfsScript(kept)];
      if (flags.json === true) {
        const document = { functions: kept.map(({ name }) => name), udev, initramfs };
        context.terminal.output(`${JSON.stringify(document)}\n`);
      } else context.terminal.output(flags.initramfs === true ? initramfs : udev);
    });
}
