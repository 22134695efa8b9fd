import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseCount, parseSize } from '../option-values.ts';

const MAX_CPUS = 16;
const DEFAULT_MEMORY_BYTES = 512 * 1024 ** 2;
/** The guest keeps what it writes in its memory, too. */
const LEAST_MEMORY_BYTES = 256 * 1024 ** 2;

/** What both `dda demo` and `npm run demo` take. */
export interface DemoFlags {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly erase?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
  /** In a daemon of the command's own. */
  readonly privateDaemon?: boolean;
}

export function addDemoOptions(command: Command): Command {
  return command
    .option('--erase', 'yes, the start of its disk may be overwritten')
    .addOption(new Option('--cpus <N>', 'CPUs of the guest, 1 to 16').argParser(parseCount(1, MAX_CPUS)).default(1))
    .addOption(
      new Option('--memory <SIZE>', 'memory of the guest').argParser(parseMemory).default(DEFAULT_MEMORY_BYTES, '512M'),
    )
    .option('--json', 'end with one JSON document on standard output; progress goes to standard error')
    .option('--verbose', "show the guest's console")
    .option(
      '--private-daemon',
      'run the guest in a process without privileges, in a daemon that ends with this command',
    );
}

function parseMemory(text: string): number {
  const bytes = parseSize(text);
  if (bytes >= LEAST_MEMORY_BYTES) return bytes;
  throw new InvalidArgumentError('The guest of the demo needs 256M or more.');
}
