import type { Command } from 'commander';
import { HostError, Verdict, canonicalName, productName, readFacts, surveyHost, usageOf } from '../../host/index.ts';
import type { FunctionSurvey, HostFacts } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { formatTable, wrap } from '../table.ts';
import type { Cell } from '../table.ts';
import type { Style, Terminal } from '../terminal.ts';
import { surveyJson } from './survey-json.ts';

const verdictStyles: Readonly<Record<Verdict, Style>> = {
  [Verdict.assignable]: 'green',
  [Verdict.withRisk]: 'yellow',
  [Verdict.notAssignable]: 'red',
};

export function addSurveyCommand(program: Command, context: CliContext): void {
  program
    .command('survey')
    .summary('every PCI function, and whether it can be lent')
    .description(
      'Shows every PCI function of this host, who has it, and whether it can be lent to a VM, with every reason.',
    )
    .argument('[BDF...]', 'only these functions, with all reasons; for example 0000:01:00.0 or 01:00.0')
    .option('--reasons', 'all reasons, with what would change them')
    .option('--json', 'one JSON document instead of a table')
    .addHelpText(
      'after',
      '\nExamples:\n  dda survey                    the table\n  dda survey 01:00.0            one function, with every reason\n  dda survey --json | jq -r \'.functions[] | select(.verdict == "assignable").address\'\n',
    )
    .action((addresses: string[], options: { reasons?: boolean; json?: boolean }) => {
      const facts = readFacts(context.openHost('dda survey'));
      const surveys = chosen(facts, addresses);
      if (options.json === true) context.terminal.output(`${JSON.stringify(surveyJson(facts, surveys))}\n`);
      else if (options.reasons === true || addresses.length > 0) showReasons(context.terminal, facts, surveys);
      else showTable(context.terminal, surveys);
      if (options.json !== true) noteHiddenProcesses(context.terminal, facts.usage.hiddenProcesses);
    });
}

function chosen(facts: HostFacts, addresses: readonly string[]): FunctionSurvey[] {
  const surveys = surveyHost(facts);
  if (addresses.length === 0) return surveys;
  return addresses.map((text) => {
    const name = canonicalName(text);
    const survey = surveys.find((candidate) => candidate.fn.name === name);
    if (survey !== undefined) return survey;
    throw new HostError('no-such-function', {
      asked: `survey ${name}`,
      obstacle: `this host has no PCI function ${name}.`,
      remedy: 'See which ones it has with: dda survey',
      details: { function: name },
    });
  });
}

function showTable(terminal: Terminal, surveys: readonly FunctionSurvey[]): void {
  const rows = surveys.map(({ fn, verdict, reasons }): Cell[] => [
    { text: fn.name },
    { text: fn.iommuGroup === undefined ? '-' : String(fn.iommuGroup) },
    { text: fn.driver ?? '-' },
    { text: verdict, style: verdictStyles[verdict] },
    { text: [...new Set(reasons.map((reason) => reason.code))].join(', ') || '-' },
    { text: productName(fn) },
  ]);
  terminal.output(formatTable(terminal, ['FUNCTION', 'GROUP', 'DRIVER', 'VERDICT', 'BECAUSE', 'WHAT IT IS'], rows));
}

function noteHiddenProcesses(terminal: Terminal, count: number): void {
  if (count === 0) return;
  const processes = count === 1 ? '1 process' : `${count} processes`;
  terminal.notices(`note: ${processes} could not be looked into, and may be using a function. Root sees more.\n`);
}

function showReasons(terminal: Terminal, facts: HostFacts, surveys: readonly FunctionSurvey[]): void {
  const blocks = surveys.map((survey) => describe(terminal, facts, survey));
  terminal.output(`${blocks.join('\n\n')}\n`);
}

function describe(terminal: Terminal, facts: HostFacts, { fn, verdict, reasons }: FunctionSurvey): string {
  const usage = usageOf(facts.usage, fn.name);
  const group = fn.iommuGroup === undefined ? undefined : facts.inventory.groups.get(fn.iommuGroup);
  const mates = group?.members.filter((name) => name !== fn.name) ?? [];
  const pairs: [string, string][] = [
    ['location', fn.locationPath],
    ['driver', fn.driver ?? 'none'],
    [
      'IOMMU group',
      group === undefined ? 'none' : `${group.number}${mates.length > 0 ? ` with ${mates.join(', ')}` : ' (alone)'}`,
    ],
    ['NUMA node', fn.numaNode === undefined ? '-' : String(fn.numaNode)],
    [
      'BARs',
      fn.bars
        .map(
          (bar) => `${bar.index}: ${formatSize(bar.sizeBytes)} ${bar.kind}${bar.prefetchable ? ' prefetchable' : ''}`,
        )
        .join(', ') || 'none',
    ],
    ['interrupts', interrupts(fn.capabilities)],
    ['resets', fn.resetMethods === undefined ? 'unknown' : fn.resetMethods.join(', ') || 'none'],
  ];
  if (fn.sriov.totalVfs > 0)
    pairs.push(['SR-IOV', `${fn.sriov.virtualFunctions.length} of ${fn.sriov.totalVfs} virtual functions`]);
  if (fn.sriov.physicalFunction !== undefined)
    pairs.push(['SR-IOV', `virtual function of ${fn.sriov.physicalFunction}`]);
  if (usage.blockDevices.length > 0) pairs.push(['disks', usage.blockDevices.join(', ')]);
  if (usage.interfaces.length > 0) pairs.push(['interfaces', usage.interfaces.join(', ')]);
  return [
    `${terminal.style('bold', fn.name)}  ${productName(fn)}`,
    ...pairs.map(([name, value]) => wrap(terminal, value, `  ${name.padEnd(12)}`, ' '.repeat(14))),
    `  ${'verdict'.padEnd(12)}${terminal.style(verdictStyles[verdict], verdict)}`,
    ...reasons.flatMap((reason) => [
      wrap(terminal, `${reason.sentence} [${reason.code}]`, '  - ', '    '),
      ...(reason.remedy === undefined ? [] : [wrap(terminal, reason.remedy, '    → ', '      ')]),
    ]),
  ].join('\n');
}

function interrupts(capabilities: FunctionSurvey['fn']['capabilities']): string {
  if (capabilities === undefined) return 'unknown';
  const kinds = [
    capabilities.msixVectors > 0 ? `MSI-X ${capabilities.msixVectors}` : '',
    capabilities.msiVectors > 0 ? `MSI ${capabilities.msiVectors}` : '',
    capabilities.interruptLine ? 'line' : '',
  ];
  return kinds.filter((kind) => kind !== '').join(', ') || 'none';
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
