import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_EJECT_DEADLINE_MS } from '../../host/index.ts';
import { formatVersion as formatVmbus, ProtocolVersion } from '../../vmbus/index.ts';
import { parseVersion as parseVpci, VpciVersion } from '../../vpci/index.ts';
import { collect, parseDuration } from '../option-values.ts';
import { type GuestFlags, addGuestOptions } from './guest-options.ts';
import { type ConsoleMode, consoleModes } from './vm-console.ts';

/** What `dda vm run` was told. */
export interface VmRunFlags extends GuestFlags {
  readonly name?: string;
  readonly device?: readonly string[];
  readonly console: ConsoleMode;
  readonly vpciVersion?: VpciVersion;
  readonly vmbusVersion?: ProtocolVersion;
  readonly ejectDeadline: number;
  readonly onReset: 'stop' | 'restart';
  readonly force?: boolean;
  readonly privateDaemon?: boolean;
  readonly trace?: string;
  readonly json?: boolean;
}

export function addRunOptions(command: Command): Command {
  return addGuestOptions(
    command.option('--name <NAME>', "what to call it: a-z, 0-9, - (default: vm- and this process's id)"),
  )
    .option('--device <BDF>', 'lend it this function from the start; may be given often', collect)
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
    .option('--force', 'take functions even if the host is using them; says what that breaks')
    .option(
      '--private-daemon',
      'in a process without privileges, looked after by a daemon that this command starts, and that ends with it',
    )
    .option('--trace <FILE>', 'write what guest and host say to each other to this file, for Wireshark: see dda trace')
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
