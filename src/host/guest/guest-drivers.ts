import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModuleTree } from '../../vm/index.ts';
import { type HostFunction, isVfioDriver } from '../inventory/host-function.ts';

/** Mass storage: the subclass of a function whose disks come without the SCSI layer. */
const STORAGE = { baseClass: 0x01, nvme: 0x08 } as const;

/** What a guest needs to drive the functions it gets. */
export interface GuestDrivers {
  readonly modules: readonly string[];
  /** Functions for which no driver was found, by address. */
  readonly undriven: readonly string[];
}

/**
 * The drivers in a modules directory that claim these functions, by the aliases that depmod gathered. A tree without
 * those is asked for the driver that the function has at the host, and for the usual one of its class.
 */
export async function guestDrivers(directory: string, functions: readonly HostFunction[]): Promise<GuestDrivers> {
  const modules = new Set<string>();
  const undriven: string[] = [];
  if (functions.length === 0) return { modules: [], undriven };
  const aliases = await readAliases(directory);
  const tree = aliases === undefined ? await ModuleTree.open(directory) : undefined;
  for (const fn of functions) {
    const found =
      aliases === undefined
        ? likelyDrivers(fn).filter((name) => tree?.has(name))
        : claimants(aliases, fn.modalias ?? '');
    for (const name of found) modules.add(name);
    if (found.length === 0) undriven.push(fn.name);
    // A host bus adapter shows disks only with the SCSI disk driver above it.
    else if (fn.identity.baseClass === STORAGE.baseClass && fn.identity.subClass !== STORAGE.nvme)
      modules.add('sd_mod');
  }
  return { modules: [...modules], undriven };
}

interface Alias {
  /** With `*`, `?` and `[…]`, as in a shell. */
  readonly pattern: string;
  readonly module: string;
}

function claimants(aliases: readonly Alias[], modalias: string): string[] {
  const names = aliases.filter(({ pattern }) => matches(pattern, modalias)).map(({ module }) => module);
  return [...new Set(names)];
}

/** fnmatch(3) as far as aliases use it. */
export function matches(pattern: string, text: string): boolean {
  // Thousands of aliases, few of this vendor: most are told apart by what stands before the first wildcard.
  const fixed = /^[^*?[]*/.exec(pattern)?.[0] ?? '';
  if (!text.startsWith(fixed)) return false;
  const source = pattern.replace(/\[[^\]]*\]|[*?]|[.+^${}()|\\\]]/g, (part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    return part.startsWith('[') ? part : `\\${part}`;
  });
  return new RegExp(`^${source}$`).test(text);
}

/** Of loadable and built-in drivers for PCI; undefined: depmod has never run over this tree. */
async function readAliases(directory: string): Promise<Alias[] | undefined> {
  const [loadable, builtIn] = await Promise.all([
    readIfThere(join(directory, 'modules.alias')),
    readIfThere(join(directory, 'modules.builtin.modinfo')),
  ]);
  if (loadable === undefined) return undefined;
  return [
    ...[...loadable.matchAll(/^alias (pci:\S+) (\S+)$/gm)].map(toAlias),
    // `MODULE.alias=PATTERN`, each ended by a zero byte.
    ...[...(builtIn ?? '').matchAll(/(?:^|\0)([\w-]+)\.alias=(pci:[^\0]+)/g)].map(([, module, pattern]) =>
      toAlias(['', pattern, module]),
    ),
  ];
}

function toAlias([, pattern = '', module = '']: readonly (string | undefined)[]): Alias {
  return { pattern, module };
}

function likelyDrivers(fn: HostFunction): string[] {
  const { baseClass, subClass } = fn.identity;
  const ofHost = fn.driver === undefined || isVfioDriver(fn.driver) ? [] : [fn.driver];
  const ofClass = baseClass === STORAGE.baseClass && subClass === STORAGE.nvme ? ['nvme'] : [];
  return [...ofHost, ...ofClass].slice(0, 1);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
