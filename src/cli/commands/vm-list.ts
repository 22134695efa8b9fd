import type { Command } from 'commander';
import type { VmJson } from '../../api/index.ts';
import type { ListedVm } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { runningVms } from '../daemon/vm-homes.ts';
import { type Cell, formatTable } from '../table.ts';

const MIB = 2 ** 20;

export function addVmListCommand(vm: Command, context: CliContext): void {
  vm.command('list')
    .summary('the VMs that run, and what they have')
    .description(
      'Shows the VMs that run now, of the daemon and of every `dda vm run`, and the functions that each has.',
    )
    .option('--json', 'one JSON document instead of a table')
    .addHelpText('after', '\nExamples:\n  dda vm list\n')
    .action(async (flags: { readonly json?: boolean }) => {
      const { terminal } = context;
      const { ofDaemon, ofRuns } = await runningVms(context);
      if (flags.json === true) {
        const runs = ofRuns.map(({ name, status }) => status ?? { name, state: 'silent' });
        terminal.output(`${JSON.stringify({ vms: [...runs, ...ofDaemon.map(daemonVm)] })}\n`);
      } else if (ofDaemon.length + ofRuns.length === 0) {
        terminal.notices('No VM runs. Start one with: dda vm run\n');
      } else {
        const rows = [...ofRuns.map(runRow), ...ofDaemon.map((each) => row(daemonVm(each)))];
        const sorted = rows.toSorted((a, b) => ((a[0]?.text ?? '') < (b[0]?.text ?? '') ? -1 : 1));
        terminal.output(
          formatTable(terminal, ['NAME', 'STATE', 'PID', 'CPUS', 'MEMORY', 'KERNEL', 'FUNCTIONS'], sorted),
        );
      }
    });
}

interface ShownVm {
  readonly name: string;
  readonly state: string;
  readonly processId: number | null;
  readonly vcpus: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly functions: readonly string[];
}

/** As `dda vm run` shows its own, and `daemon` besides. */
function daemonVm(vm: VmJson): ShownVm & { readonly startedAt: string; readonly daemon: true } {
  return {
    name: vm.name,
    processId: vm.processId,
    state: vm.phase,
    startedAt: vm.createdAt,
    kernel: vm.guestOs ?? vm.spec.kernel,
    memoryBytes: vm.spec.memoryBytes,
    vcpus: vm.spec.cpuCount,
    functions: vm.functions,
    daemon: true,
  };
}

function runRow({ name, status }: ListedVm): Cell[] {
  if (status === undefined) return [name, 'silent', '-', '-', '-', '-', '-'].map((text) => ({ text }));
  return row(status);
}

function row({ name, state, processId, vcpus, memoryBytes, kernel, functions }: ShownVm): Cell[] {
  const memory = `${Math.floor(memoryBytes / MIB)} MiB`;
  const process = processId === null ? '-' : String(processId);
  return [name, state, process, String(vcpus), memory, kernel, functions.join(', ') || '-'].map((text) => ({ text }));
}
