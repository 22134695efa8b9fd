import { type Command, InvalidArgumentError, Option } from 'commander';
import { BASE_COMMAND_LINE, DEFAULT_EJECT_DEADLINE_MS, type DiskSpec, parseDisk } from '../../host/index.ts';
import { formatVersion as formatVmbus, ProtocolVersion } from '../../vmbus/index.ts';
import { parseVersion as parseVpci, VpciVersion } from '../../vpci/index.ts';
import { collect, parseCount, parseDuration, parseSize } from '../option-values.ts';
import { type ConsoleMode, consoleModes } from './vm-console.ts';

/** What `dda vm run` was told. */
export interface VmRunFlags {
  readonly name?: string;
  readonly kernel?: string;
  readonly modules?: string;
  readonly initrd?: string;
  readonly cmdline?: string;
  readonly memory: number;
  readonly cpus: number;
  readonly device?: readonly string[];
  readonly disk?: readonly DiskSpec[];
  readonly driver?: readonly string[];
  readonly run?: string;
  readonly console: ConsoleMode;
  readonly vpciVersion?: VpciVersion;
  readonly vmbusVersion?: ProtocolVersion;
  readonly ejectDeadline: number;
  readonly onReset: 'stop' | 'restart';
  readonly kaslr?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

const MAX_CPUS = 16;
const GIB = 2 ** 30;

export function addRunOptions(command: Command): Command {
  return command
    .option('--name <NAME>', "what to call it: a-z, 0-9, - (default: vm- and this process's id)")
    .option('--kernel <FILE>', "bzImage or vmlinux (default: the host's own kernel)")
    .option('--modules <DIR>', "the kernel's lib/modules/VERSION (default: looked for by its version)")
    .option('--initrd <FILE>', 'an initramfs, used as it is (default: one is built, with drivers and busybox)')
    .option('--cmdline <TEXT>', `added to: ${BASE_COMMAND_LINE}`)
    .addOption(withParser('--memory <SIZE>', 'memory of the guest', parseSize).default(2 * GIB, '2G'))
    .addOption(withParser('--cpus <N>', `CPUs of the guest, 1 to ${MAX_CPUS}`, parseCount(1, MAX_CPUS)).default(1))
    .option('--device <BDF>', 'lend it this function from the start; may be given often', collect)
    .option(
      '--disk <FILE[,ro]>',
      'give it this file as an NVMe disk; may be given often',
      (text, earlier?: readonly DiskSpec[]) => [...(earlier ?? []), parseDisk(text)],
    )
    .option('--driver <NAME>', 'load this module in the guest, too; may be given often', collect)
    .option('--run <FILE>', 'a script or program that the guest runs instead of a shell; then it powers off')
    .addOption(
      new Option('--console <MODE>', 'who gets Ctrl-C: the host, the guest (Ctrl-] ends it then); off: no input')
        .choices(consoleModes)
        .default('host'),
    )
    .addOption(withParser('--vpci-version <VERSION>', 'newest vPCI protocol to offer: 1.1 to 1.4', parseVpciVersion))
    .addOption(withParser('--vmbus-version <VERSION>', 'newest VMBus protocol to offer: 2.4 to 6.0', parseVmbusVersion))
    .addOption(
      withParser(
        '--eject-deadline <TIME>',
        'how long the guest may take to let go of a function',
        parseDuration,
      ).default(DEFAULT_EJECT_DEADLINE_MS, '60s'),
    )
    .addOption(
      new Option('--on-reset <WHAT>', 'what a reset of the guest does').choices(['stop', 'restart']).default('stop'),
    )
    .option('--kaslr', 'let the kernel place itself at random; it unpacks itself then, which takes longer')
    .option('--force', 'take functions even if the host is using them; says what that breaks')
    .option('--json', 'events as JSON lines, the console too');
}

function withParser(flags: string, description: string, parse: (text: string) => unknown): Option {
  return new Option(flags, description).argParser(parse);
}

function parseVpciVersion(text: string): VpciVersion {
  const version = parseVpci(text);
  if (version !== undefined) return version;
  throw new InvalidArgumentError('It is one of 1.1, 1.2, 1.3, 1.4.');
}

function parseVmbusVersion(text: string): ProtocolVersion {
  const versions = Object.values(ProtocolVersion);
  const version = versions.find((candidate) => formatVmbus(candidate) === text);
  if (version !== undefined) return version;
  throw new InvalidArgumentError(`It is one of ${versions.map(formatVmbus).join(', ')}.`);
}
