import type {
  CreateReport,
  RemoveReport,
  SharedResource,
  VirtualFunctionReport,
  VirtualFunctionsReport,
} from '../../host/index.ts';
import { formatTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';

export function showCreated(terminal: Terminal, report: CreateReport): void {
  warn(terminal, report.warnings);
  for (const fn of report.functions) {
    const where = fn.dismounted ? 'dismounted: ready to be lent' : (fn.driver ?? 'no driver');
    terminal.output(`${fn.name} created, ${where}${extra(fn)}\n`);
  }
}

export function showRemoved(terminal: Terminal, report: RemoveReport): void {
  warn(terminal, report.warnings);
  if (report.removed.length === 0) terminal.output(`${report.physicalFunction} has no virtual functions\n`);
  for (const name of report.removed) terminal.output(`${name} removed\n`);
}

export function showVirtualFunctions(terminal: Terminal, reports: readonly VirtualFunctionsReport[]): void {
  if (reports.length === 0) {
    terminal.output('No function of this host has SR-IOV.\n');
    return;
  }
  const rows = reports.flatMap((report) => [
    [
      { text: report.physicalFunction },
      { text: '-' },
      { text: report.driver ?? '-' },
      { text: `${report.functions.length} of ${report.totalVfs} functions${free(report)}` },
    ],
    ...report.functions.map((fn) => [
      { text: `  ${fn.name}` },
      { text: fn.iommuGroup === undefined ? '-' : String(fn.iommuGroup) },
      { text: fn.driver ?? '-' },
      { text: extra(fn).replace(/^, /, '') },
    ]),
  ]);
  terminal.output(formatTable(terminal, ['FUNCTION', 'GROUP', 'DRIVER', 'WHAT IT HAS'], rows));
}

function extra({ nvme, network }: VirtualFunctionReport): string {
  if (nvme !== undefined) {
    const state = nvme.online ? 'online' : 'offline';
    return `, controller ${nvme.controllerId} ${state}, ${nvme.queues} queues, ${nvme.interrupts} interrupts`;
  }
  if (network === undefined) return '';
  return [
    `, MAC ${network.mac ?? "of the guest's choice"}`,
    network.vlan === undefined || network.vlan === 0 ? '' : `, VLAN ${network.vlan}`,
    network.trust === true ? ', trusted' : '',
  ].join('');
}

function free({ queues, interrupts }: VirtualFunctionsReport): string {
  const told = (kind: string, shared: SharedResource | undefined): string =>
    shared === undefined ? '' : `, ${shared.free} of ${shared.total} ${kind} free`;
  return `${told('queues', queues)}${told('interrupts', interrupts)}`;
}

function warn(terminal: Terminal, warnings: readonly string[]): void {
  for (const warning of warnings) terminal.notices(`${terminal.style('yellow', 'warning')}: ${warning}\n`);
}
