import { elfSection } from './elf.ts';

/** What a kernel module says about itself in its `.modinfo` section. Names have `_` for `-`. */
export interface ModuleInfo {
  /** Modules that must be there first. */
  readonly depends: readonly string[];
  /** Modules that had better be loaded before, and after, if there are any of that name. */
  readonly softBefore: readonly string[];
  readonly softAfter: readonly string[];
}

/** Names in messages and files mix `-` and `_`; the kernel takes them for the same. */
export const moduleName = (text: string): string => text.replaceAll('-', '_');

const MODULE_NAME = /^[A-Za-z0-9_]{1,55}$/;
const ENTRIES_MAX = 4096;
const NAMES_MAX = 256;

/** Reads `.modinfo` of an uncompressed module; undefined if `file` is no module (no ELF-64 file with that section). */
export function parseModuleInfo(file: Uint8Array): ModuleInfo | undefined {
  const section = elfSection(file, '.modinfo');
  if (!section) return undefined;
  const depends: string[] = [];
  const softBefore: string[] = [];
  const softAfter: string[] = [];
  for (const entry of Buffer.from(section).toString('latin1').split('\0', ENTRIES_MAX)) {
    const [, key, value] = /^(\w+)=(.*)$/s.exec(entry) ?? [];
    if (key === undefined || value === undefined) continue;
    if (key === 'depends') depends.push(...names(value.split(',')));
    if (key === 'softdep') {
      let target = softBefore;
      for (const word of value.split(/\s+/)) {
        if (word === 'pre:') target = softBefore;
        else if (word === 'post:') target = softAfter;
        else target.push(...names([word]));
      }
    }
  }
  return {
    depends: depends.slice(0, NAMES_MAX),
    softBefore: softBefore.slice(0, NAMES_MAX),
    softAfter: softAfter.slice(0, NAMES_MAX),
  };
}

function names(words: readonly string[]): string[] {
  return words.map(moduleName).filter((name) => MODULE_NAME.test(name));
}
