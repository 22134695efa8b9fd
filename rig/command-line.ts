import type { RigOptions } from './boot-rig.ts';
import { KERNEL_SERIES } from './kernels.ts';
import { RigError, RigErrorCode } from './rig-error.ts';

/** A hot-plug event while the command runs. */
export interface PlugEvent {
  readonly action: 'plug' | 'unplug';
  readonly afterSeconds: number;
  readonly deviceId: string;
}

export interface CommandLine {
  readonly help: boolean;
  readonly options: RigOptions;
  readonly events: readonly PlugEvent[];
  readonly argv: readonly string[];
}

export const USAGE = `Usage: npm run rig -- [OPTION…] [--] COMMAND…

Boots a whole Linux host under QEMU, runs COMMAND in it as root from the same directory of the same checkout, and ends
with its exit code. What COMMAND writes stays in the rig's memory and is gone afterwards. On a terminal,
'npm run rig -- bash' is interactive.

  --memory MIB           memory of the rig (4096; with --igb 2560)
  --cpus N               its CPUs (1; docs/rig.md says why more is a risk)
  --nvme N               NVMe controllers, named nvme0, nvme1, … (1)
  --igb N                network cards with SR-IOV, named nic0, nic1, … (0; takes QEMU 10, which set-up brings)
  --no-iommu             a host without an IOMMU, which can lend nothing
  --kernel 6.1|6.12      Debian kernel that the rig runs (6.1)
  --qemu PROGRAM         QEMU to use (qemu-system-x86_64)
  --unplug-after S:DEV   unplug a device S seconds after COMMAND has started; may be given often
  --plug-after S:DEV     plug it (again); a device that is plugged first is not there at boot
  --help                 this text
`;

const VALUE_OPTIONS = [
  '--memory',
  '--cpus',
  '--nvme',
  '--igb',
  '--kernel',
  '--qemu',
  '--unplug-after',
  '--plug-after',
] as const;
type ValueOption = (typeof VALUE_OPTIONS)[number];
const isValueOption = (name: string): name is ValueOption => (VALUE_OPTIONS as readonly string[]).includes(name);

/**
 * Options stand before the command; the first word that is none begins it, and `--` does too.
 * @throws RigError `rig-bad-option`.
 */
export function parseCommandLine(words: readonly string[]): CommandLine {
  let options: RigOptions = {};
  const events: PlugEvent[] = [];
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '--help' || word === '-h') return { help: true, options: {}, events: [], argv: [] };
    if (word === '--' || !word.startsWith('-')) break;
    if (word === '--no-iommu') {
      options = { ...options, iommu: false };
      continue;
    }
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    if (!isValueOption(name)) throw bad(`the rig has no option ${name}`);
    const value = equals < 0 ? words[++at] : word.slice(equals + 1);
    if (value === undefined) throw bad(`${name} needs a value`);
    if (name === '--unplug-after' || name === '--plug-after') events.push(plugEvent(name, value));
    else options = { ...options, ...optionValue(name, value) };
  }
  const argv = words.slice(words[at] === '--' ? at + 1 : at);
  if (argv.length === 0) throw bad('no command was given');
  const absent = absentAtBoot(events);
  return { help: false, options: absent.length === 0 ? options : { ...options, absent }, events, argv };
}

function optionValue(name: Exclude<ValueOption, '--unplug-after' | '--plug-after'>, value: string): RigOptions {
  switch (name) {
    case '--memory':
      return { memoryMib: wholeNumber(name, value, 1) };
    case '--cpus':
      return { cpus: wholeNumber(name, value, 1) };
    case '--nvme':
      return { nvmeControllers: wholeNumber(name, value, 0) };
    case '--igb':
      return { networkCards: wholeNumber(name, value, 0) };
    case '--kernel': {
      const kernel = KERNEL_SERIES.find((series) => series === value);
      if (kernel === undefined) throw bad(`${name} is '${value}'; it can be ${KERNEL_SERIES.join(' or ')}`);
      return { kernel };
    }
    case '--qemu':
      return { qemu: value };
  }
}

function wholeNumber(name: string, value: string, least: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least) return number;
  throw bad(`${name} is '${value}'; it must be a whole number, at least ${least}`);
}

function plugEvent(name: '--unplug-after' | '--plug-after', value: string): PlugEvent {
  const [, seconds, deviceId] = /^(\d+(?:\.\d+)?):(.+)$/.exec(value) ?? [];
  if (seconds === undefined || deviceId === undefined)
    throw bad(`${name} is '${value}'; it must be SECONDS:DEVICE, like 2.5:nvme0`);
  return { action: name === '--plug-after' ? 'plug' : 'unplug', afterSeconds: Number(seconds), deviceId };
}

function absentAtBoot(events: readonly PlugEvent[]): string[] {
  const inOrder = events.toSorted((one, other) => one.afterSeconds - other.afterSeconds);
  const first = new Map<string, PlugEvent>();
  for (const event of inOrder) if (!first.has(event.deviceId)) first.set(event.deviceId, event);
  return [...first.values()].filter(({ action }) => action === 'plug').map(({ deviceId }) => deviceId);
}

const bad = (problem: string): RigError =>
  new RigError(RigErrorCode.badOption, `Nothing was run: ${problem}. 'npm run rig -- --help' shows what there is.`);
