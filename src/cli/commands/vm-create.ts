import { resolve } from 'node:path';
import type { Command } from 'commander';
import { checkVmName } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { needDaemon } from '../daemon/find-daemon.ts';
import { collect, parseCount, parseSize } from '../option-values.ts';

interface CreateFlags {
  readonly kernel: string;
  readonly initrd?: string;
  readonly cmdline: string;
  readonly memory: number;
  readonly cpus: number;
  readonly window?: readonly string[];
  readonly json?: boolean;
}

const MAX_CPUS = 16;
const GIB = 2 ** 30;

export function addVmCreateCommand(vm: Command, context: CliContext): void {
  vm.command('create')
    .summary('start a VM of the daemon')
    .description(
      'Starts a VM in a process of its own, without privileges, which the daemon looks after. It runs on when this command ends, and when the daemon is started anew.',
    )
    .argument('<NAME>', 'what to call it: 1 to 32 characters, each a-z, 0-9 or -')
    .requiredOption('--kernel <FILE>', 'a bzImage or vmlinux on the host')
    .option('--initrd <FILE>', 'an initramfs on the host')
    .option('--cmdline <TEXT>', "the kernel's command line", 'console=ttyS0 panic=-1')
    .option('--memory <SIZE>', 'memory of the guest', parseSize, 2 * GIB)
    .option('--cpus <N>', `CPUs of the guest, 1 to ${MAX_CPUS}`, parseCount(1, MAX_CPUS), 1)
    .option('--window <SIZE>', 'room for a large BAR of a function lent later; may be given often', collect)
    .option('--json', 'one JSON document on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  dda vm create web --kernel /boot/vmlinuz-6.1.0-43-amd64 --initrd web.cpio --memory 4G --cpus 2\n  dda vm console web\n  dda add web --pool fast --class nvme\n',
    )
    .action(async (name: string, flags: CreateFlags) => {
      const daemon = await needDaemon(context);
      const created = await daemon.ask(
        daemon.routes.vms.$post({
          json: {
            name: checkVmName(name),
            spec: {
              memoryBytes: flags.memory,
              cpuCount: flags.cpus,
              kernel: resolve(flags.kernel),
              commandLine: flags.cmdline,
              ...(flags.initrd === undefined ? {} : { initramfs: resolve(flags.initrd) }),
              ...(flags.window === undefined ? {} : { highWindowBytes: flags.window.map(parseSize) }),
            },
          },
        }),
      );
      const sentence = `${created.name} runs in process ${created.processId ?? 'unknown'}`;
      context.terminal.output(flags.json === true ? `${JSON.stringify({ ok: true, vm: created })}\n` : `${sentence}\n`);
    });
}
