import { readFileSync } from 'node:fs';

/** Names of vendors and devices, from the distribution's `pci.ids`. A name it doesn't know is undefined. */
export interface PciIds {
  vendorName(vendorId: number): string | undefined;
  deviceName(vendorId: number, deviceId: number): string | undefined;
  subsystemName(vendorId: number, deviceId: number, subsystemVendorId: number, subsystemId: number): string | undefined;
}

/** Debian keeps it in the first place, other distributions in one of the others. */
export const pciIdsPaths: readonly string[] = [
  '/usr/share/misc/pci.ids',
  '/usr/share/hwdata/pci.ids',
  '/usr/share/pci.ids',
];

/**
 * The first file of `paths` that is there, read when the first name is asked for: a megabyte, and most of what is done to functions
 * needs no names. Without any, every name is undefined: numbers are enough to work with. The first question throws what the
 * file system says when a file is there but can't be read.
 */
export function readPciIds(paths: readonly string[] = pciIdsPaths): PciIds {
  let known: PciIds | undefined;
  const ids = (): PciIds => {
    known ??= parsePciIds(firstPresent(paths));
    return known;
  };
  return {
    vendorName: (vendorId) => ids().vendorName(vendorId),
    deviceName: (vendorId, deviceId) => ids().deviceName(vendorId, deviceId),
    subsystemName: (...of) => ids().subsystemName(...of),
  };
}

function firstPresent(paths: readonly string[]): string {
  for (const path of paths) {
    const text = readIfPresent(path);
    if (text !== undefined) return text;
  }
  return '';
}

/**
 * Looks names up in the text of a `pci.ids` file. Nothing is indexed: a host asks for a few dozen names of the 36,000, and a
 * search for one takes less than a millisecond.
 */
export function parsePciIds(text: string): PciIds {
  const lines = `\n${text}`;

  /** The text behind the line that starts with `start`, searched for from `from` to `to`. */
  function find(start: string, from: number, to: number): { readonly name: string; readonly end: number } | undefined {
    const at = lines.indexOf(`\n${start}  `, from);
    if (at < 0 || at >= to) return undefined;
    const begin = at + start.length + 3;
    const newline = lines.indexOf('\n', begin);
    const end = newline < 0 ? lines.length : newline;
    return { name: lines.slice(begin, end).trim(), end };
  }

  /** Where the lines that belong to the line ending at `from` end: those with `tabs` tabs at least, and comments. */
  function blockEnd(from: number, tabs: string): number {
    let at = from;
    while (at < lines.length) {
      if (!lines.startsWith(tabs, at + 1) && !lines.startsWith('#', at + 1)) return at + 1;
      const next = lines.indexOf('\n', at + 1);
      at = next < 0 ? lines.length : next;
    }
    return lines.length;
  }

  function findDevice(vendorId: number, deviceId: number): { readonly name: string; readonly end: number } | undefined {
    const vendor = find(hex4(vendorId), 0, lines.length);
    return vendor && find(`\t${hex4(deviceId)}`, vendor.end, blockEnd(vendor.end, '\t'));
  }

  return {
    vendorName: (vendorId) => find(hex4(vendorId), 0, lines.length)?.name,
    deviceName: (vendorId, deviceId) => findDevice(vendorId, deviceId)?.name,
    subsystemName(vendorId, deviceId, subsystemVendorId, subsystemId) {
      const device = findDevice(vendorId, deviceId);
      const start = `\t\t${hex4(subsystemVendorId)} ${hex4(subsystemId)}`;
      return device && find(start, device.end, blockEnd(device.end, '\t\t'))?.name;
    },
  };
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, '0');
}
