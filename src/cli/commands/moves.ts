import type { Command } from 'commander';
import { canonicalName, dismount, mount } from '../../host/index.ts';
import type { MoveOptions, MoveReport } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { dismountThroughDaemon, mountThroughDaemon } from '../daemon/daemon-moves.ts';
import { findDaemon, needDaemon } from '../daemon/find-daemon.ts';
import { whileInterruptible } from '../interruptible.ts';
import type { Terminal } from '../terminal.ts';

interface MoveFlags {
  readonly json?: boolean;
  readonly force?: boolean;
  readonly pool?: string;
}

export function addDismountCommand(program: Command, context: CliContext): void {
  program
    .command('dismount')
    .summary('take functions from their host drivers, ready to be lent')
    .description(
      'Takes functions from their host drivers and binds them to vfio-pci, all of them or none. Functions of one IOMMU group go together. Doing it twice changes nothing.',
    )
    .argument('<BDF...>', 'functions, for example 0000:01:00.0 or 01:00.0')
    .option('--force', 'even if the host is using them; says what that breaks')
    .option('--pool <NAME>', 'into this pool of the daemon (default: default)')
    .option('--json', 'one JSON document on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  dda dismount 01:00.0\n  dda dismount 0000:01:00.0 0000:01:00.1    a whole IOMMU group\n',
    )
    .action(async (addresses: string[], flags: MoveFlags) => {
      const names = addresses.map(canonicalName);
      const force = flags.force ?? false;
      const { pool } = flags;
      const daemon = pool === undefined ? await findDaemon(context) : await needDaemon(context);
      if (daemon !== undefined) {
        const options = { force, ...(pool === undefined ? {} : { pool }) };
        show(context.terminal, await dismountThroughDaemon(daemon, names, options), flags);
        return;
      }
      const host = context.openHost('dda dismount');
      const report = await whileInterruptible((signal) =>
        dismount(host, names, { ...moveOptions(context.terminal, flags, signal), force }),
      );
      show(context.terminal, report, flags);
    });
}

export function addMountCommand(program: Command, context: CliContext): void {
  program
    .command('mount')
    .summary('give functions back to their host drivers')
    .description(
      'Gives functions back to the drivers they came from, all of them or none. Refused while a process holds one. Doing it twice changes nothing.',
    )
    .argument('<BDF...>', 'functions, for example 0000:01:00.0 or 01:00.0')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExamples:\n  dda mount 01:00.0\n')
    .action(async (addresses: string[], flags: MoveFlags) => {
      const names = addresses.map(canonicalName);
      const daemon = await findDaemon(context);
      if (daemon !== undefined) {
        show(context.terminal, await mountThroughDaemon(daemon, names), flags);
        return;
      }
      const host = context.openHost('dda mount');
      const report = await whileInterruptible((signal) =>
        mount(host, names, moveOptions(context.terminal, flags, signal)),
      );
      show(context.terminal, report, flags);
    });
}

function moveOptions(terminal: Terminal, flags: MoveFlags, signal: AbortSignal): MoveOptions {
  if (flags.json === true) return { signal };
  return { signal, onStep: (step, tookMs) => terminal.notices(`  ${step.intent} (${tookMs} ms)\n`) };
}

function show(terminal: Terminal, report: MoveReport, flags: MoveFlags): void {
  if (flags.json === true) {
    terminal.output(`${JSON.stringify({ ok: true, ...report })}\n`);
    return;
  }
  for (const warning of report.warnings) terminal.notices(`${terminal.style('yellow', 'warning')}: ${warning}\n`);
  const [moved, before] =
    report.verb === 'dismount'
      ? ['dismounted: ready to be lent', 'dismounted already']
      : ['mounted: back at the host', 'at the host already'];
  for (const name of report.moved) terminal.output(`${name} ${moved}\n`);
  for (const name of report.unchanged) terminal.output(`${name} ${before}\n`);
}
