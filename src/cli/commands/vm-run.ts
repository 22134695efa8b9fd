import type { Command } from 'commander';
import {
  askedFunctions,
  checkVmName,
  guestFailure,
  highWindowsFor,
  HostError,
  openDisks,
  prepareGuest,
  runVm,
} from '../../host/index.ts';
import type { Host, VmRunRequest, VmRunResult } from '../../host/index.ts';
import { KvmError } from '../../linux/index.ts';
import { describeEnd } from '../../vm/index.ts';
import type { CliContext } from '../cli-context.ts';
import { refuseBesideDaemon } from '../daemon/find-daemon.ts';
import { ScriptExit } from './script-exit.ts';
import { endKeys, GuestKeyboard } from './vm-console.ts';
import { addRunOptions, type VmRunFlags } from './vm-run-options.ts';
import { VmJsonReport } from './vm-json-report.ts';
import type { VmReport } from './vm-report.ts';
import { VmTextReport } from './vm-text-report.ts';

export function addVmRunCommand(vm: Command, context: CliContext): void {
  addRunOptions(vm.command('run'))
    .summary('run a VM with its console here, and lend it functions')
    .description(
      "Runs a Linux guest with its console on this terminal, lends it functions of this host over Hyper-V's paravirtual PCI bus, and gives them back when it ends: by itself, by Ctrl-C, or by a crash.",
    )
    .addHelpText(
      'after',
      "\nExamples:\n  dda vm run --device 01:00.0                    the host's own kernel, a shell in the guest\n  dda vm run --disk data.img                     a file as an NVMe disk; no spare device, no IOMMU\n  dda vm run --kernel vmlinuz --modules lib/modules/6.1.0-13-amd64 --memory 4G --cpus 2\n  dda vm run --device 01:00.0 --run ./test.sh    run a script in the guest, then end\n  dda vm run --name web --console guest          Ctrl-C is the guest's, Ctrl-] ends the VM\n",
    )
    .action(async (flags: VmRunFlags) => run(context, flags));
}

async function run(context: CliContext, flags: VmRunFlags): Promise<void> {
  const name = checkVmName(flags.name ?? `vm-${process.pid}`);
  const host = context.openHost('dda vm run');
  refuseConflict(flags);
  if (flags.device !== undefined) {
    await refuseBesideDaemon(
      context,
      `lend ${flags.device.join(', ')} to a VM of this command`,
      'Let the daemon run the VM: dda vm create, dda add, dda vm console.',
    );
  }
  const asked = askedFunctions(host, flags.device ?? []);
  const disks = openDisks(flags.disk ?? []);
  const support = context.guestSupport();
  if (!support.runs) throw new KvmError(support.code, support.sentence);
  const guest = await prepareGuest(
    {
      disks: flags.disk !== undefined,
      kernel: flags.kernel,
      modules: flags.modules,
      initrd: flags.initrd,
      run: flags.run,
      drivers: flags.driver ?? [],
      commandLine: flags.cmdline ?? '',
      kaslr: flags.kaslr ?? false,
    },
    asked,
  );
  const request: VmRunRequest = {
    name,
    functions: asked.map((fn) => fn.name),
    kernelName: guest.kernelName,
    images: guest.images,
    machine: {
      commandLine: guest.commandLine,
      memoryBytes: flags.memory,
      vcpus: flags.cpus,
      ...(flags.vpciVersion === undefined ? {} : { vpciMaxVersion: flags.vpciVersion }),
      ...(flags.vmbusVersion === undefined ? {} : { vmbusMaxVersion: flags.vmbusVersion }),
    },
    highWindows: highWindowsFor(host.tree, flags.disk?.length),
    disks,
    ejectDeadlineMs: flags.ejectDeadline,
    onReset: flags.onReset,
    force: flags.force ?? false,
    controlDirectory: context.controlDirectory,
  };
  await atConsole(context, flags, host, request, guest.warnings);
}

async function atConsole(
  { terminal, guestConsole }: CliContext,
  flags: VmRunFlags,
  host: Host,
  request: VmRunRequest,
  warnings: readonly string[],
): Promise<void> {
  const { name, kernelName, machine } = request;
  const facts = { name, kernelName, memoryBytes: machine.memoryBytes, vcpus: machine.vcpus };
  const port = guestConsole();
  const endKey = port.isTerminal ? endKeys[flags.console] : 'SIGINT';
  const report: VmReport =
    flags.json === true ? new VmJsonReport(port, facts) : new VmTextReport(terminal, port, facts, endKey);
  const script = flags.run === undefined ? undefined : new ScriptExit();
  const keyboard = new GuestKeyboard(port, flags.console);
  try {
    for (const warning of warnings) report.warning(warning);
    const result = await runVm(host, request, {
      started: (guest) => {
        report.started();
        keyboard.connect((bytes) => guest.type(bytes));
      },
      console: (bytes) => {
        script?.push(bytes);
        keyboard.printed();
        report.console(bytes);
      },
      session: (event) => report.session(event),
      log: (entry) => report.log(entry),
      crashed: (crash) => report.crashed(crash),
      notice: (text) => report.notice(text),
      step: (intent, tookMs) => report.step(intent, tookMs),
    });
    report.ended(result, endSentence(result, flags.onReset), script?.exitCode);
    const failure = guestFailure(name, result) ?? scriptFailure(flags.run, script?.exitCode);
    if (failure !== undefined) throw failure;
    report.succeeded();
  } finally {
    keyboard.close();
    await port.flushed();
  }
}

function endSentence({ end }: VmRunResult, onReset: VmRunFlags['onReset']): string {
  const hint = end.kind === 'reset' && onReset === 'stop' ? ' (--on-reset restart starts it again)' : '';
  return `${describeEnd(end)}${hint}`;
}

function scriptFailure(path: string | undefined, exitCode: number | undefined): HostError | undefined {
  if (path === undefined || exitCode === undefined || exitCode === 0) return undefined;
  return new HostError('guest-script-failed', {
    asked: `run ${path} in the guest`,
    obstacle: `it ended with exit code ${exitCode}.`,
    remedy: 'What it printed says why.',
    details: { path, exitCode },
  });
}

function refuseConflict({ run: path, initrd }: VmRunFlags): void {
  if (path === undefined || initrd === undefined) return;
  throw new HostError('options-conflict', {
    asked: `run ${path} in the guest`,
    obstacle: '--initrd is used as it is, so nothing can be put into it.',
    remedy: 'Leave out --initrd, and an initramfs with the script is built; or leave out --run.',
  });
}
