import type { Command } from 'commander';
import {
  askedFunctions,
  checkVmName,
  guestFailure,
  highWindowsFor,
  openDisks,
  prepareGuest,
  runVm,
} from '../../host/index.ts';
import type { VmRunRequest } from '../../host/index.ts';
import { KvmError } from '../../linux/index.ts';
import { describeEnd } from '../../vm/index.ts';
import type { CliContext } from '../cli-context.ts';
import { refuseBesideDaemon } from '../daemon/find-daemon.ts';
import { atConsole } from './console-run.ts';
import { guestFiles } from './guest-options.ts';
import { addRunOptions, type VmRunFlags } from './vm-run-options.ts';
import { refusePrivateRun, runWithPrivateDaemon } from './vm-run-private.ts';

export function addVmRunCommand(vm: Command, context: CliContext): void {
  addRunOptions(vm.command('run'))
    .summary('run a VM with its console here, and lend it functions')
    .description(
      "Runs a Linux guest with its console on this terminal, lends it functions of this host over Hyper-V's paravirtual PCI bus, and gives them back when it ends: by itself, by Ctrl-C, or by a crash.",
    )
    .addHelpText(
      'after',
      "\nExamples:\n  dda vm run --device 01:00.0                    the host's own kernel, a shell in the guest\n  dda vm run --disk data.img                     a file as an NVMe disk; no spare device, no IOMMU\n  dda vm run --kernel vmlinuz --modules lib/modules/6.1.0-13-amd64 --memory 4G --cpus 2\n  dda vm run --device 01:00.0 --run ./test.sh    run a script in the guest, then end\n  dda vm run --device 01:00.0 --private-daemon   the guest in a process without privileges\n  dda vm run --name web --console guest          Ctrl-C is the guest's, Ctrl-] ends the VM\n",
    )
    .action(async (flags: VmRunFlags, command: Command) => run(context, flags, command));
}

async function run(context: CliContext, flags: VmRunFlags, command: Command): Promise<void> {
  const name = checkVmName(flags.name ?? `vm-${process.pid}`);
  const host = context.openHost('dda vm run');
  const files = guestFiles(flags);
  if (flags.privateDaemon === true) await refusePrivateRun(context, command);
  else if (flags.device !== undefined) {
    await refuseBesideDaemon(
      context,
      `lend ${flags.device.join(', ')} to a VM of this command`,
      'Let the daemon run the VM: dda vm create, dda add, dda vm console.',
    );
  }
  const asked = askedFunctions(host, flags.device ?? []);
  // A private daemon opens them itself.
  const disks = openDisks(flags.privateDaemon === true ? [] : (flags.disk ?? []));
  const support = context.guestSupport();
  if (!support.runs) throw new KvmError(support.code, support.sentence);
  const guest = await prepareGuest(files, asked);
  if (flags.privateDaemon === true) {
    await runWithPrivateDaemon(context, flags, { name, host, asked, files, guest });
    return;
  }
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
  const facts = { name, kernelName: guest.kernelName, memoryBytes: flags.memory, vcpus: flags.cpus };
  const capture = flags.trace === undefined ? undefined : await beginCapture(context, flags.trace, name);
  await atConsole(context, flags, facts, guest.warnings, async (observer) => {
    const trace = capture?.((sentence) => observer.warning(sentence));
    const result = await runVm(host, trace === undefined ? request : { ...request, trace }, observer);
    const { end, crash, exits, restarts } = result;
    return {
      told: { kind: end.kind, crash, exits, restarts },
      sentence: describeEnd(end),
      failure: guestFailure(name, result),
    };
  });
}

/** What keeps a trace in the file, which is there from now on. Loaded when it is wanted. Throws HostError `trace-not-written`. */
async function beginCapture({ version }: CliContext, path: string, vm: string) {
  const { CaptureFile } = await import('../trace/capture-file.ts');
  const { captureRun } = await import('../trace/capture-run.ts');
  const file = CaptureFile.open(path);
  await file.begin({ vm, version });
  return (failed: (sentence: string) => void): NonNullable<VmRunRequest['trace']> =>
    (news) =>
      captureRun(file, news, failed);
}
