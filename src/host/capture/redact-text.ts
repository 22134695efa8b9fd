import { surveyParameters } from '../inventory/platform.ts';
import { parseMountTable } from '../usage/storage-uses.ts';

/** What of a file goes into a capture: only what the survey makes use of, in the file's own form. */
export function redactText(path: string, text: string): string {
  const redact = tables.find(([pattern]) => pattern.test(path))?.[1];
  return redact === undefined ? text.replace(/\0+$/, '') : redact(text);
}

const tables: readonly (readonly [RegExp, (text: string) => string])[] = [
  [/^\/proc\/self\/mountinfo$/, redactMounts],
  [/^\/proc\/swaps$/, redactSwaps],
  [/^\/proc\/net\/route$/, redactRoutes],
  [/^\/proc\/net\/ipv6_route$/, redactRoutes6],
  [/^\/proc\/cmdline$/, (text) => surveyParameters(text).join(' ')],
  [/\/uevent$/, (text) => /^DEVNAME=.+$/m.exec(text)?.[0] ?? ''],
  // Who built it; the rest is an identifier.
  [/\/dm\/uuid$/, (text) => text.split('-')[0] ?? ''],
];

/** Mounts of disks and of shared directories; no options, no network file systems. */
function redactMounts(text: string): string {
  const lines = parseMountTable(text).flatMap(({ deviceNumber, mountPoint, fileSystem, source }) => {
    const disk = source.startsWith('/dev/') && !source.startsWith('/dev/loop');
    if (!disk && fileSystem !== '9p' && fileSystem !== 'virtiofs') return [];
    return [`0 0 ${deviceNumber} / ${escapeBlanks(mountPoint)} rw - ${fileSystem} ${escapeBlanks(source)} rw`];
  });
  return lines.join('\n');
}

function redactSwaps(text: string): string {
  const [, ...lines] = text.split('\n');
  const disks = lines
    .filter((line) => line.startsWith('/dev/'))
    .map((line) => `${line.split(/\s/)[0]} partition 0 0 0`);
  return ['Filename', ...disks].join('\n');
}

/** Which interfaces have a default route; no addresses. */
function redactRoutes(text: string): string {
  const [, ...lines] = text.split('\n');
  const routes = lines.flatMap((line) => {
    const [name, destination, , , , , , mask] = line.trim().split(/\s+/);
    const everywhere = destination === '00000000' && mask === '00000000';
    return everywhere ? [`${name}\t00000000\t00000000\t0003\t0\t0\t0\t00000000\t0\t0\t0`] : [];
  });
  return ['Iface', ...routes].join('\n');
}

function redactRoutes6(text: string): string {
  const none = '0'.repeat(32);
  const lines = text.split('\n').flatMap((line) => {
    const [destination, prefixLength, , , , , , , , name] = line.trim().split(/\s+/);
    if (destination !== none || prefixLength !== '00' || name === 'lo') return [];
    return [`${none} 00 ${none} 00 ${none} 00000000 00000000 00000000 00000000 ${name}`];
  });
  return lines.join('\n');
}

/** The mount table writes blanks, line ends and backslashes as three octal digits. */
function escapeBlanks(text: string): string {
  return text.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/**
 * Identifiers that turn up inside names: UUIDs of volumes and file systems, MAC addresses, also in the names of network interfaces.
 * Each gets a number in its place, the same one wherever it comes again.
 */
export class Pseudonyms {
  readonly #numbers = new Map<string, number>();

  apply(text: string): string {
    return text
      .replace(/[0-9a-f]{8}(-{1,2})[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}/gi, (id, dash: string) =>
        ['00000000', '0000', '0000', '0000', this.#number(id, 12)].join(dash),
      )
      .replace(/\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b/gi, (id) => this.#number(id, 12).replace(/..(?=.)/g, '$&:'))
      .replace(
        /\b((?:en|wl|ww|ib|sl)x)([0-9a-f]{12})\b/gi,
        (_, kind: string, id: string) => kind + this.#number(id, 12),
      );
  }

  #number(id: string, digits: number): string {
    const key = id.toLowerCase().replace(/[-:]/g, '');
    const number = this.#numbers.get(key) ?? this.#numbers.size + 1;
    this.#numbers.set(key, number);
    return number.toString(16).padStart(digits, '0');
  }
}
