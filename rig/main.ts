/** `npm run rig -- COMMAND…`: boots a rig, runs one command in it, ends as the command ends. */
import { constants } from 'node:os';
import { deviceIds } from './boot-rig.ts';
import { type RigCommand, type Rig, RigError, RigErrorCode, bootRig } from './index.ts';
import { type PlugEvent, USAGE, parseCommandLine } from './command-line.ts';
import { noSuchDevice } from './rig-error.ts';

/** What `timeout` and shells use for "the command itself could not be run". */
const EXIT_RIG_FAILED = 125;
const EXIT_NOT_STARTED = 127;
const EXIT_USAGE = 2;

const say = (text: string): void => {
  process.stderr.write(`rig: ${text}\n`);
};

async function main(): Promise<number> {
  const { help, options, events, argv } = parseCommandLine(process.argv.slice(2));
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const ids = deviceIds(options);
  for (const { deviceId } of events) if (!ids.includes(deviceId)) throw noSuchDevice(deviceId, ids);
  const startedAt = performance.now();
  if (process.stderr.isTTY) say('booting…');
  const stopHearing = exitOnSignals();
  const rig = await bootRig({ ...options, keep: [process.cwd()] });
  stopHearing();
  if (process.stderr.isTTY) say(`up after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  const timers = events.map((event) => setTimeout(() => void happen(rig, event), event.afterSeconds * 1000));
  try {
    return await runCommand(rig, argv);
  } finally {
    for (const timer of timers) clearTimeout(timer);
    await rig.stop();
  }
}

async function happen(rig: Rig, { action, deviceId }: PlugEvent): Promise<void> {
  try {
    say(action === 'plug' ? `plugging ${deviceId}` : `asking for ${deviceId}`);
    if (action === 'plug') await rig.plug(deviceId);
    else await rig.unplug(deviceId, Number.POSITIVE_INFINITY);
    say(action === 'plug' ? `${deviceId} is in` : `${deviceId} is out`);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
}

async function runCommand(rig: Rig, argv: readonly string[]): Promise<number> {
  const { stdin, stdout, stderr } = process;
  const isInteractive = stdin.isTTY && stdout.isTTY;
  const command = rig.start(argv, {
    cwd: process.cwd(),
    onOutput: (stream, bytes) => (stream === 'stdout' ? stdout : stderr).write(bytes),
    ...(isInteractive
      ? { terminal: { rows: stdout.rows, columns: stdout.columns }, env: { TERM: process.env['TERM'] ?? 'linux' } }
      : {}),
  });
  forwardSignals(rig, command);
  stdin.on('data', (bytes: Buffer) => command.write(bytes));
  stdin.on('end', () => command.endInput());
  if (isInteractive) stdin.setRawMode(true);
  try {
    const { exitCode, signal } = await command.ended;
    return exitCode ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);
  } finally {
    if (isInteractive) stdin.setRawMode(false);
    stdin.destroy();
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** While the rig boots there is no command to ask: `exit` takes QEMU and its files along, which the signal alone would not. */
function exitOnSignals(): () => void {
  const exit = (_name: string, number: number): void => process.exit(128 + number);
  for (const name of SIGNALS) process.on(name, exit);
  return () => {
    for (const name of SIGNALS) process.off(name, exit);
  };
}

/** The first is the command's to deal with; a second one is for those who don't want to wait. */
function forwardSignals(rig: Rig, command: RigCommand): void {
  let isFirst = true;
  for (const name of SIGNALS) {
    process.on(name, () => {
      if (isFirst) command.signal(name);
      else void rig.stop();
      isFirst = false;
    });
  }
}

function exitCodeOf(error: RigError): number {
  if (error.code === RigErrorCode.badOption || error.code === RigErrorCode.noSuchDevice) return EXIT_USAGE;
  return error.code === RigErrorCode.commandNotStarted ? EXIT_NOT_STARTED : EXIT_RIG_FAILED;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof RigError)) throw error;
  say(error.message);
  process.exitCode = exitCodeOf(error);
}
