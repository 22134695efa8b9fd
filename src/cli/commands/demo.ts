import { Option } from 'commander';
import type { Command } from 'commander';
import { type DemoEvent, ExitCode, reportOf, runDemo } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { refuseBesideDaemon } from '../daemon/find-daemon.ts';
import { exitCodeFor } from '../error-kinds.ts';
import { onPrivateStage } from '../private-daemon/private-stage.ts';
import { demoReporter } from './demo-audience.ts';
import { type DemoFlags, addDemoOptions } from './demo-options.ts';
import { DemoView } from './demo-view.ts';

interface DemoCommandFlags extends DemoFlags {
  readonly device: string;
  readonly kernel: string;
  readonly modules: string;
  readonly unpacked?: string;
  readonly report?: boolean;
}

/** For each answer of the guest. */
const GUEST_DEADLINE_MS = 120_000;

export function addDemoCommand(program: Command, context: CliContext): void {
  const command = program
    .command('demo')
    .summary('lend an NVMe controller to a guest, and get it back, step by step')
    .description(
      'Lends an NVMe controller of this host to a guest that writes to it, gets it back, and compares what is on its disk. Overwrites the start of that disk.',
    )
    .requiredOption('--device <BDF>', 'the NVMe controller to lend; for example 0000:01:00.0 or 01:00.0')
    .requiredOption('--kernel <FILE>', "the guest's kernel: a bzImage or vmlinux")
    .requiredOption('--modules <DIR>', "that kernel's lib/modules/VERSION")
    .option('--unpacked <DIR>', 'where unpacked kernels are kept, so that a guest need not unpack its own');
  addDemoOptions(command)
    .addOption(new Option('--report', 'for the process that started this one').hideHelp())
    .addHelpText(
      'after',
      '\nExamples:\n  dda demo --device 01:00.0 --erase --kernel /boot/vmlinuz-6.1.0-43-amd64 --modules /lib/modules/6.1.0-43-amd64\n',
    )
    .action(async (flags: DemoCommandFlags) => {
      const { terminal } = context;
      await refuseBesideDaemon(context, `lend ${flags.device} in the demo`, 'Leave the demo to another host.');
      const audience =
        flags.report === true
          ? demoReporter((line) => terminal.output(line))
          : new DemoView({ terminal, json: flags.json === true, verbose: flags.verbose === true });
      const host = context.openHost('dda demo');
      try {
        const options = demoOptions(flags);
        const tell = (event: DemoEvent): void => audience.event(event);
        const stage = flags.privateDaemon === true ? onPrivateStage(context.program, host, options, tell) : undefined;
        const result = await runDemo(host, () => context.readReadiness(host), options, tell, stage);
        audience.done(result);
        context.setExitCode(ExitCode.done);
      } catch (error) {
        const { code, message } = reportOf(error);
        if (code === 'unexpected' && error instanceof Error) terminal.notices(`${error.stack ?? ''}\n`);
        audience.failed({ code, message });
        context.setExitCode(exitCodeFor(code));
      }
    });
}

function demoOptions(flags: DemoCommandFlags): Parameters<typeof runDemo>[2] {
  return {
    function: flags.device,
    erase: flags.erase === true,
    kernelPath: flags.kernel,
    modulesDirectory: flags.modules,
    ...(flags.unpacked === undefined ? {} : { unpackedDirectory: flags.unpacked }),
    memoryBytes: flags.memory,
    cpus: flags.cpus,
    deadlineMs: GUEST_DEADLINE_MS,
  };
}
