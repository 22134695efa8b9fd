import type { Command } from 'commander';
import {
  HostError,
  canonicalName,
  captureHost,
  openCapture,
  productName,
  readFacts,
  surveyHost,
  surveyTree,
  writeCapture,
} from '../../host/index.ts';
import type { FunctionSurvey, HostFacts } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { formatTable } from '../table.ts';
import type { Cell } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { surveyJson } from './survey-json.ts';
import { describeSurvey, verdictStyles } from './survey-text.ts';

interface SurveyOptions {
  readonly reasons?: boolean;
  readonly json?: boolean;
  readonly from?: string;
  readonly capture?: string;
}

export function addSurveyCommand(program: Command, context: CliContext): void {
  program
    .command('survey')
    .summary('every PCI function, and whether it can be lent')
    .description(
      'Shows every PCI function of this host, who has it, and whether it can be lent to a VM, with every reason.',
    )
    .argument('[BDF...]', 'only these functions, with all reasons; for example 0000:01:00.0 or 01:00.0')
    .option('--reasons', 'all reasons, with what would change them')
    .option('--from <FILE>', 'another machine, from a capture or from a directory with its sys and proc')
    .option('--capture <FILE>', 'write what the survey reads of this machine to a new file, to be surveyed elsewhere')
    .option('--json', 'one JSON document instead of a table')
    .addHelpText(
      'after',
      '\nExamples:\n  dda survey                    the table\n  dda survey 01:00.0            one function, with every reason\n  dda survey --capture me.json  for somebody else to look at, with …\n  dda survey --from me.json     … every verdict as on that machine\n  dda survey --json | jq -r \'.functions[] | select(.verdict == "assignable").address\'\n',
    )
    .action((addresses: string[], options: SurveyOptions) => {
      if (options.capture !== undefined) {
        capture(context, options.capture, addresses, options);
        return;
      }
      const host = context.openHost('dda survey');
      const facts = options.from === undefined ? readFacts(host) : surveyTree(openCapture(options.from), host.ids);
      const surveys = chosen(facts, addresses, options.from ?? 'this host');
      if (options.json === true) context.terminal.output(`${JSON.stringify(surveyJson(facts, surveys))}\n`);
      else if (options.reasons === true || addresses.length > 0) showReasons(context.terminal, facts, surveys);
      else showTable(context.terminal, surveys);
      if (options.json !== true) noteHiddenProcesses(context.terminal, facts.usage.hiddenProcesses);
    });
}

function capture(context: CliContext, path: string, addresses: readonly string[], options: SurveyOptions): void {
  if (options.from !== undefined || options.reasons === true || addresses.length > 0) {
    throw new HostError('options-conflict', {
      asked: `capture this machine to ${path}`,
      obstacle: 'a capture is always of this machine as a whole.',
      remedy: 'Leave out the addresses, --from and --reasons.',
    });
  }
  const host = context.openHost('dda survey');
  const { text, ...counts } = captureHost(host.tree, host.ids, context.version);
  writeCapture(path, text);
  if (options.json === true) {
    context.terminal.output(`${JSON.stringify({ ok: true, path, ...counts })}\n`);
    return;
  }
  context.terminal.output(
    `${path}: ${counts.functions} functions in ${counts.entries} entries. It is plain text: look through it before you send it on.\n`,
  );
  noteHiddenProcesses(context.terminal, counts.hiddenProcesses);
}

function chosen(facts: HostFacts, addresses: readonly string[], machine: string): FunctionSurvey[] {
  const surveys = surveyHost(facts);
  if (addresses.length === 0) return surveys;
  return addresses.map((text) => {
    const name = canonicalName(text);
    const survey = surveys.find((candidate) => candidate.fn.name === name);
    if (survey !== undefined) return survey;
    throw new HostError('no-such-function', {
      asked: `survey ${name}`,
      obstacle: `${machine} has no PCI function ${name}.`,
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
  const blocks = surveys.map((survey) => describeSurvey(terminal, facts, survey));
  terminal.output(`${blocks.join('\n\n')}\n`);
}
