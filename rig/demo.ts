/**
 * `npm run demo`: lends a device to a guest and gets it back, on a host in QEMU; or, with `--device`, on this machine.
 * The same program does it either way.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { Command, CommanderError, Option } from 'commander';
import { type DemoFlags, DemoView, addDemoOptions, processTerminal } from '../src/cli/index.ts';
import { reportOf } from '../src/host/index.ts';
import { RigDemo } from './demo-in-rig.ts';
import { KERNEL_SERIES, type KernelSeries, REPOSITORY, unpackedKernel } from './index.ts';
import { startableKernel } from './kernels.ts';
import { runModelDemo } from './model/model-demo.ts';

const EXIT_FAILED = 6;
const EXIT_USAGE = 2;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface Flags extends DemoFlags {
  readonly device?: string;
  readonly kernel: KernelSeries;
}

function parse(words: readonly string[]): Flags {
  const command = new Command('npm run demo --')
    .description(
      'Shows Discrete Device Assignment step by step: a Linux host lends its NVMe controller to a guest and gets it back. Without --device the host is one in QEMU, which starts and ends with the demo.',
    )
    .option('--device <BDF>', 'use this machine, and lend this NVMe controller of it; needs --erase')
    .addOption(new Option('--kernel <SERIES>', "the guest's Debian kernel").choices([...KERNEL_SERIES]).default('6.1'))
    .option(
      '--model',
      "a model of it that needs no QEMU: dda's own front ends in place of a guest; takes --json alone beside it",
    )
    .exitOverride();
  return addDemoOptions(command)
    .parse([...words], { from: 'user' })
    .opts<Flags>();
}

/** Runs `dda demo` here; it hears the terminal's signals itself. */
async function onThisMachine(flags: Flags, device: string): Promise<number> {
  const kernel = unpackedKernel(flags.kernel);
  const args = ['demo', '--device', device, '--cpus', `${flags.cpus}`, '--memory', `${flags.memory / 1024 ** 2}M`];
  args.push('--kernel', await startableKernel(kernel), '--modules', kernel.modules);
  for (const name of ['erase', 'json', 'verbose'] as const) if (flags[name] === true) args.push(`--${name}`);
  if (flags.privateDaemon === true) args.push('--private-daemon');
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(REPOSITORY, 'src/cli/main.ts'), ...args],
    {
      stdio: 'inherit',
    },
  );
  process.on('SIGINT', () => undefined);
  for (const name of ['SIGTERM', 'SIGHUP'] as const) process.on(name, () => child.kill(name));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) =>
      resolve(signal === null ? Number(exitCode) : 128 + constants.signals[signal]),
    );
  });
}

async function inRig(flags: Flags): Promise<number> {
  let interruptedBy: NodeJS.Signals | undefined;
  const view: DemoView = new DemoView({
    terminal: processTerminal(),
    json: flags.json === true,
    verbose: flags.verbose === true,
    consoles: () => ({ "the host's kernel": demo.console() }),
  });
  const demo: RigDemo = new RigDemo(flags, view);
  const interrupted = (): void =>
    view.failed({ code: 'interrupted', message: `${interruptedBy ?? ''} ended the demo. The host in QEMU is gone.` });
  for (const name of SIGNALS) {
    process.on(name, (_name: string, number: number) => {
      const isFirst = interruptedBy === undefined;
      interruptedBy = name;
      if (isFirst && demo.signal(name)) return;
      interrupted();
      // QEMU and its files go with this process.
      process.exit(128 + number);
    });
  }
  try {
    return await demo.run();
  } catch (error) {
    // The terminal sends its signal to QEMU too, which may end before the program in it can say a word.
    if (interruptedBy !== undefined) {
      interrupted();
      return 128 + constants.signals[interruptedBy];
    }
    const { code, message } = reportOf(error);
    if (code === 'unexpected' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
    view.failed({ code, message });
    return EXIT_FAILED;
  }
}

async function run(words: readonly string[]): Promise<number> {
  if (words.includes('--model') && !words.includes('--help')) return runModelDemo(words);
  const flags = parse(words);
  return flags.device === undefined ? inRig(flags) : onThisMachine(flags, flags.device);
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  const isError = error.exitCode !== 0;
  if (isError && process.argv.includes('--json')) {
    const message = error.message.replace(/^error: /, '');
    process.stdout.write(`${JSON.stringify({ ok: false, error: { code: 'usage', message }, steps: [] })}\n`);
  }
  process.exitCode = isError ? EXIT_USAGE : 0;
}
