import { Verdict, acsPath, mmioNeeds, productName, usageOf } from '../../host/index.ts';
import type { FunctionSurvey, HostFacts, HostFunction, IommuGroup } from '../../host/index.ts';
import { ExpressPortType } from '../../pci/index.ts';
import { wrap } from '../table.ts';
import type { Style, Terminal } from '../terminal.ts';

export const verdictStyles: Readonly<Record<Verdict, Style>> = {
  [Verdict.assignable]: 'green',
  [Verdict.withRisk]: 'yellow',
  [Verdict.notAssignable]: 'red',
};

const kindNames: Readonly<Record<number, string>> = {
  [ExpressPortType.endpoint]: 'PCI Express endpoint',
  [ExpressPortType.legacyEndpoint]: 'PCI Express legacy endpoint',
  [ExpressPortType.rootPort]: 'PCI Express root port',
  [ExpressPortType.upstreamSwitchPort]: 'PCI Express switch, upstream port',
  [ExpressPortType.downstreamSwitchPort]: 'PCI Express switch, downstream port',
  [ExpressPortType.pcieToPciBridge]: 'bridge from PCI Express to PCI',
  [ExpressPortType.pciToPcieBridge]: 'bridge from PCI to PCI Express',
  [ExpressPortType.rootComplexEndpoint]: 'PCI Express endpoint in the root complex',
  [ExpressPortType.rootComplexEventCollector]: 'event collector of the root complex',
};

/** The kernel's names of its ways to reset, in words. Source: Linux Documentation/ABI/testing/sysfs-bus-pci. */
const resetNames: Readonly<Record<string, string>> = {
  flr: 'function level (FLR)',
  af_flr: 'function level (AF)',
  pm: 'power state (PM)',
  bus: 'bus',
  cxl_bus: 'bus (CXL)',
  acpi: 'firmware (ACPI)',
  device_specific: 'vendor',
};

const acsNames = {
  on: 'on',
  off: 'off',
  none: 'none',
  bridge: 'none (bridge)',
  pass: 'not needed (upstream port)',
  unread: 'unknown',
} as const;

/** One function with all that was found out, and every reason. */
export function describeSurvey(terminal: Terminal, facts: HostFacts, survey: FunctionSurvey): string {
  const { fn, verdict, reasons } = survey;
  return [
    `${terminal.style('bold', fn.name)}  ${productName(fn)}`,
    ...rows(facts, fn).map(([name, value]) => wrap(terminal, value, `  ${name.padEnd(12)}`, ' '.repeat(14))),
    `  ${'verdict'.padEnd(12)}${terminal.style(verdictStyles[verdict], verdict)}`,
    ...reasons.flatMap((reason) => [
      wrap(terminal, `${reason.sentence} [${reason.code}]`, '  - ', '    '),
      ...(reason.remedy === undefined ? [] : [wrap(terminal, reason.remedy, '    → ', '      ')]),
    ]),
  ].join('\n');
}

function rows(facts: HostFacts, fn: HostFunction): [string, string][] {
  const { inventory } = facts;
  const usage = usageOf(facts.usage, fn.name);
  const group = fn.iommuGroup === undefined ? undefined : inventory.groups.get(fn.iommuGroup);
  const ports = acsPath(inventory, fn).map((hop) => `${hop.port} ${acsNames[hop.state]}`);
  const rowsOf: [string, string | undefined][] = [
    ['location', fn.locationPath],
    ['kind', kindOf(fn)],
    ['driver', `${fn.driver ?? 'none'}${fn.enabled === false ? ' (turned off)' : ''}`],
    ['power', fn.powerState === 'D0' || fn.powerState === 'unknown' ? undefined : fn.powerState],
    ['IOMMU group', group === undefined ? 'none' : groupOf(group, fn)],
    ['reserved', reserved(group)],
    ['ACS', ports.join(', ') || undefined],
    ['NUMA node', fn.numaNode === undefined ? '-' : String(fn.numaNode)],
    ['BARs', bars(fn)],
    ['MMIO', mmio(fn)],
    ['interrupts', interrupts(fn)],
    ['resets', fn.resetMethods === undefined ? 'unknown' : resets(fn.resetMethods)],
    ['SR-IOV', sriov(fn)],
    ['disks', usage.blockDevices.join(', ') || undefined],
    ['interfaces', usage.interfaces.join(', ') || undefined],
  ];
  return rowsOf.flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]]));
}

function kindOf(fn: HostFunction): string | undefined {
  if (fn.capabilities === undefined) return undefined;
  const type = fn.capabilities.expressPortType;
  if (type !== undefined) return kindNames[type] ?? `PCI Express, type ${type}`;
  return fn.sriov.physicalFunction === undefined ? 'conventional PCI' : undefined;
}

function groupOf(group: IommuGroup, fn: HostFunction): string {
  const mates = group.members.filter((name) => name !== fn.name);
  return `${group.number}${mates.length > 0 ? ` with ${mates.join(', ')}` : ' (alone)'}`;
}

/** Without the window of message interrupts, which every group has. */
function reserved(group: IommuGroup | undefined): string | undefined {
  const regions = group?.reservedRegions.filter((region) => region.type !== 'msi') ?? [];
  return (
    regions.map(({ start, end, type }) => `0x${start.toString(16)}-0x${end.toString(16)} ${type}`).join(', ') ||
    undefined
  );
}

function bars(fn: HostFunction): string {
  const list = fn.bars.map(({ index, sizeBytes, kind, prefetchable, hostAddress }) => {
    const flags = `${prefetchable ? ' prefetchable' : ''}${hostAddress === undefined ? ' without addresses' : ''}`;
    return `${index}: ${formatSize(sizeBytes)} ${kind}${flags}`;
  });
  return list.join(', ') || 'none';
}

function mmio(fn: HostFunction): string | undefined {
  const { below4GiBytes, above4GiBytes } = mmioNeeds(fn);
  const parts = [
    below4GiBytes > 0 ? `${formatSize(below4GiBytes)} below 4 GiB` : '',
    above4GiBytes > 0 ? `${formatSize(above4GiBytes)} above 4 GiB` : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? undefined : `a guest needs ${parts.join(', ')}`;
}

function interrupts({ capabilities }: HostFunction): string {
  if (capabilities === undefined) return 'unknown';
  const kinds = [
    capabilities.msixVectors > 0 ? `MSI-X ${capabilities.msixVectors}` : '',
    capabilities.msiVectors > 0 ? `MSI ${capabilities.msiVectors}` : '',
    capabilities.interruptLine ? 'line' : '',
  ];
  return kinds.filter((kind) => kind !== '').join(', ') || 'none';
}

function resets(methods: readonly string[]): string {
  return methods.map((method) => resetNames[method] ?? method).join(', ') || 'none';
}

function sriov({ sriov: facts }: HostFunction): string | undefined {
  if (facts.physicalFunction !== undefined) return `virtual function of ${facts.physicalFunction}`;
  return facts.totalVfs > 0 ? `${facts.virtualFunctions.length} of ${facts.totalVfs} virtual functions` : undefined;
}

function formatSize(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && value % 1024 === 0 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value} ${units[unit]}`;
}
