import { DemoError } from './demo-error.ts';

const PREFIX = 'dda-demo: ';

/** What the guest's script may say: a key, then what must follow it. Whatever else comes is a misunderstanding, not a hint. */
const sentences = {
  kernel: /^(?<release>[\w.+~-]{1,64})$/,
  cpus: /^(?<count>[1-9]\d{0,3})$/,
  hypervisor: /^(?<name>[\x20-\x7e]{1,64})$/,
  vmbus: /^(?<version>\d{1,2}\.\d{1,2})$/,
  ready: /^$/,
  /** Block device, its size in sectors of 512 bytes, the function's address in the guest, its driver there. */
  disk: /^(?<name>nvme\d{1,3}n\d{1,3}) (?<sectors>\d{1,15}) (?<address>[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) (?<driver>[\w-]{1,32})$/,
  written: /^(?<bytes>\d{1,12}) (?<sha256>[0-9a-f]{64})$/,
  /** How many reads, interrupts meanwhile, the guest's uptime in seconds before and after. */
  read: /^(?<count>\d{1,9}) (?<interrupts>\d{1,12}) (?<from>\d{1,9}\.\d\d) (?<to>\d{1,9}\.\d\d)$/,
  gone: /^$/,
  problem: /^(?<text>[\x20-\x7e]{1,200})$/,
} as const satisfies Record<string, RegExp>;
export type GuestKey = keyof typeof sentences;

/** One line of the guest's script. */
export interface GuestLine {
  readonly key: GuestKey;
  /** The line's parts, by name. */
  part(name: string): string;
}

/**
 * A line of the guest's console; undefined: it isn't the script's.
 * @throws DemoError `demo-guest-misspoke`: it begins as one of the script's, and is none.
 */
export function parseGuestLine(line: string): GuestLine | undefined {
  const text = line.replace(/\r+$/, '');
  if (!text.startsWith(PREFIX)) return undefined;
  const [key = '', ...words] = text.slice(PREFIX.length).split(' ');
  const match = isGuestKey(key) ? sentences[key].exec(words.join(' ')) : null;
  if (!isGuestKey(key) || match === null) {
    throw new DemoError(
      'demo-guest-misspoke',
      `The guest's script said ${JSON.stringify(text.slice(0, 200))}, which makes no sense here.`,
    );
  }
  return {
    key,
    part: (name) => {
      const value = match.groups?.[name];
      if (value === undefined) throw new RangeError(`a line '${key}' has no part '${name}'`);
      return value;
    },
  };
}

function isGuestKey(key: string): key is GuestKey {
  return Object.hasOwn(sentences, key);
}
