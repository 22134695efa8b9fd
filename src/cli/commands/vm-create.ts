import type { Command } from 'commander';
import { checkVmName, windowSizesFor, withGuestOnDisk } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { needDaemon } from '../daemon/find-daemon.ts';
import { collect, parseSize } from '../option-values.ts';
import { type GuestFlags, addGuestOptions, daemonDisks, guestFiles } from './guest-options.ts';

interface CreateFlags extends GuestFlags {
  readonly window?: readonly string[];
  readonly json?: boolean;
}

export function addVmCreateCommand(vm: Command, context: CliContext): void {
  const command = vm
    .command('create')
    .summary('start a VM of the daemon')
    .description(
      'Starts a VM in a process of its own, without privileges, which the daemon looks after. It runs on when this command ends, and when the daemon is started anew.',
    )
    .argument('<NAME>', 'what to call it: 1 to 32 characters, each a-z, 0-9 or -');
  addGuestOptions(command)
    .option(
      '--window <SIZE>',
      'size of the window for large BARs; of several the first that fits (default: room for all that the host has)',
      collect,
    )
    .option('--json', 'one JSON document on standard output')
    .addHelpText(
      'after',
      "\nExamples:\n  dda vm create web --driver nvme     the host's own kernel, a shell on its console\n  dda vm create web --kernel vmlinuz --modules lib/modules/6.1.0-13-amd64 --memory 4G --cpus 2\n  dda vm create web --disk data.img --disk tools.img,ro\n  dda vm console web\n  dda add web --pool fast --class nvme\n",
    )
    .action(async (named: string, flags: CreateFlags) => {
      const { terminal } = context;
      const name = checkVmName(named);
      const files = guestFiles(flags);
      const daemon = await needDaemon(context);
      // To unpack a kernel takes seconds; whether there is a daemon at all is known before.
      await daemon.ask(daemon.routes.health.$get());
      const created = await withGuestOnDisk(files, (guest, warnings) => {
        for (const text of warnings) terminal.notices(`${terminal.style('yellow', 'warning')}: ${text}\n`);
        const { tree } = context.openHost('dda vm create');
        const highWindowBytes = flags.window?.map(parseSize) ?? windowSizesFor(tree, flags.disk?.length);
        const spec = {
          ...guest,
          memoryBytes: flags.memory,
          cpuCount: flags.cpus,
          ...daemonDisks(flags),
          highWindowBytes,
        };
        return daemon.ask(daemon.routes.vms.$post({ json: { name, spec } }));
      });
      const sentence = `${created.name} runs in process ${created.processId ?? 'unknown'}`;
      terminal.output(flags.json === true ? `${JSON.stringify({ ok: true, vm: created })}\n` : `${sentence}\n`);
    });
}
