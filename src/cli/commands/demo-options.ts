import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';

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
}

export function addDemoOptions(command: Command): Command {
  return command
    .option('--erase', 'yes, the start of its disk may be overwritten')
    .option('--cpus <N>', 'CPUs of the guest, 1 to 16', parseCpus, 1)
    .option('--memory <SIZE>', 'memory of the guest, like 512M or 2G', parseMemory, DEFAULT_MEMORY_BYTES)
    .option('--json', 'end with one JSON document on standard output; progress goes to standard error')
    .option('--verbose', "show the guest's console");
}

function parseCpus(text: string): number {
  const cpus = Number(text);
  if (/^\d{1,3}$/.test(text) && cpus >= 1 && cpus <= MAX_CPUS) return cpus;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_CPUS}.`);
}

function parseMemory(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,7})([MG])$/i.exec(text) ?? [];
  const bytes = Number(count) * (unit.toUpperCase() === 'G' ? 1024 ** 3 : 1024 ** 2);
  if (count !== '' && bytes >= LEAST_MEMORY_BYTES) return bytes;
  throw new InvalidArgumentError('It must be a size like 512M or 2G, 256M or more.');
}
