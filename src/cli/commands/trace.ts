import type { Command } from 'commander';
import { checkVmName, HostError } from '../../host/index.ts';
import { readRecord, recordJson, wiresharkDissector } from '../../trace/index.ts';
import type { CliContext } from '../cli-context.ts';
import { homeOf, onlyHome } from '../daemon/vm-homes.ts';
import { whileInterruptible } from '../interruptible.ts';
import { CaptureFile, STANDARD_OUTPUT } from '../trace/capture-file.ts';
import { type TraceItem, traceFeed } from '../trace/trace-feed.ts';
import { lostLine, traceLine } from '../trace/trace-text.ts';

interface TraceFlags {
  readonly json?: boolean;
  readonly pcapng?: string;
  readonly dissector?: boolean;
}

export function addTraceCommand(program: Command, context: CliContext): void {
  program
    .command('trace')
    .summary('what a VM and its host say to each other, as it happens')
    .description(
      'Shows the hypercalls of a running VM, the VMBus messages, what becomes of channels, and the vPCI packets on each, one a line, from now on until Ctrl-C or the end of the VM.',
    )
    .argument('[VM]', 'which VM; may be left out while only one runs')
    .option('--pcapng <FILE>', 'write them for Wireshark in place of showing them; - is standard output')
    .option('--dissector', "print Wireshark's dissector for such files, and do nothing else")
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      '\nExamples:\n  dda trace web\n  dda trace web --pcapng - | wireshark -k -i -\n  dda trace --dissector > ~/.local/lib/wireshark/plugins/dda.lua\n',
    )
    .action(async (named: string | undefined, flags: TraceFlags) => {
      refuseBothToOutput(flags);
      if (flags.dissector === true) printDissector(context, named, flags);
      else await trace(context, named, flags);
    });
}

function refuseBothToOutput({ json, pcapng }: TraceFlags): void {
  if (json === true && pcapng === STANDARD_OUTPUT) {
    throw new HostError('options-conflict', {
      asked: 'use --json with --pcapng -',
      obstacle: 'both go to standard output.',
      remedy: 'Leave one out, or name a file.',
    });
  }
}

function printDissector({ terminal }: CliContext, named: string | undefined, flags: TraceFlags): void {
  const beside = [
    ...(named === undefined ? [] : [named]),
    ...(flags.pcapng === undefined ? [] : ['--pcapng']),
    ...(flags.json === true ? ['--json'] : []),
  ];
  if (beside.length > 0) {
    throw new HostError('options-conflict', {
      asked: `use --dissector with ${beside.join(' and ')}`,
      obstacle: 'it only prints a file, and traces nothing.',
      remedy: 'Leave one out.',
    });
  }
  terminal.output(wiresharkDissector());
}

async function trace(context: CliContext, named: string | undefined, flags: TraceFlags): Promise<void> {
  const home = await (named === undefined ? onlyHome(context, 'trace a VM') : homeOf(context, checkVmName(named)));
  await whileInterruptible(async (signal) => {
    const leave = new AbortController();
    try {
      const feed = await traceFeed(context, home, AbortSignal.any([signal, leave.signal]));
      if (flags.pcapng === undefined) await show(context, feed, flags);
      else await capture(context, feed, { vm: home.name, path: flags.pcapng, signal }, flags);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      leave.abort();
    }
  });
}

async function show({ terminal }: CliContext, feed: AsyncIterable<TraceItem>, { json }: TraceFlags): Promise<void> {
  for await (const item of feed) {
    if (json === true) {
      const object = item.kind === 'record' ? recordOf(item.record) : item;
      terminal.output(`${JSON.stringify(object)}\n`);
    } else if (item.kind === 'record') {
      const record = readRecord(item.record);
      terminal.output(record === undefined ? lostLine(terminal, 1) : traceLine(terminal, record));
    } else if (item.kind === 'lost') terminal.output(lostLine(terminal, item.count));
    else terminal.notices(`${item.sentence}\n`);
  }
}

function recordOf(bytes: Uint8Array): object {
  const record = readRecord(bytes);
  if (record === undefined) return { kind: 'lost', count: 1 };
  const { kind: recordKind, ...json } = recordJson(record);
  return { kind: 'record', recordKind, ...json };
}

async function capture(
  { terminal, version }: CliContext,
  feed: AsyncIterable<TraceItem>,
  { vm, path, signal }: { readonly vm: string; readonly path: string; readonly signal: AbortSignal },
  { json }: TraceFlags,
): Promise<void> {
  const file = CaptureFile.open(path);
  let sentence: string | undefined;
  await file.begin({ vm, version });
  try {
    for await (const item of feed) {
      if (item.kind === 'record') await file.add(item.record);
      else if (item.kind === 'lost') file.addLost(item.count);
      else sentence = item.sentence;
      if (!file.isRead) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  // Also when Ctrl-C ended it: what is there is a whole file.
  await file.end();
  const { records, lost } = file;
  if (json === true) terminal.output(`${JSON.stringify({ ok: true, path, records, lost, ended: sentence ?? null })}\n`);
  else {
    if (sentence !== undefined) terminal.notices(`${sentence}\n`);
    terminal.notices(`${records} records written${lost === 0 ? '' : `, ${lost} lost`}\n`);
  }
}
