import { extendedConfigSpaceBytes } from '../../pci/index.ts';
import { MemoryTree } from '../tree/memory-tree.ts';
import type { Recorded } from './recording-tree.ts';

/** The first words of a capture; docs/survey.md describes the format. */
const formatName = 'dda-capture';
export const formatVersion = 1;
const rowBytes = 16;

/** What a hostile capture can make the reader work for. A machine with 10,000 functions stays well below. */
export const captureLimits = {
  /** Of the file, unpacked. */
  bytes: 128 * 2 ** 20,
  entries: 1_000_000,
  pathLength: 1024,
  depth: 40,
  functions: 16_384,
  groupMembers: 512,
} as const;

/** The survey goes on without what it may not see of a process; anything else denied would have ended it, so can't be captured. */
const mayBeDenied = /^\/proc\/[0-9]+\/fd(?:\/|$)/;

/** Why a text is no capture that can be read. */
export interface CaptureFlaw {
  readonly code: 'capture-malformed' | 'capture-too-large' | 'capture-newer';
  /** A whole sentence. */
  readonly sentence: string;
}

/** One entry a line, so that a person can read it and take lines out. */
export function formatCapture(version: string, entries: readonly (readonly [string, Recorded])[]): string {
  const lines = entries.map(([path, entry]) => `${JSON.stringify(path)}:${JSON.stringify(entryJson(entry))}`);
  const about =
    'What the survey of dda read of a machine, and nothing else. docs/survey.md of dda says what is in here.';
  return `{"format":"${formatName}","version":${formatVersion},"dda":${JSON.stringify(version)},"about":"${about}",\n"entries":{\n${lines.join(',\n')}\n}}\n`;
}

function entryJson(entry: Recorded): unknown {
  switch (entry.kind) {
    case 'text':
      return entry.text;
    case 'bytes':
      return { bytes: entry.bytes.length, at: rowsOf(entry.bytes) };
    case 'link':
      return { link: entry.target };
    case 'names':
      return { names: entry.names };
    case 'there':
      return {};
    case 'denied':
      return { denied: true };
  }
}

/** `{ "000": "8680…" }`: rows of 16 bytes by their offset, without those that are all zero. */
function rowsOf(bytes: Uint8Array): Record<string, string> {
  const rows: Record<string, string> = {};
  for (let at = 0; at < bytes.length; at += rowBytes) {
    const row = bytes.subarray(at, at + rowBytes);
    if (row.some((byte) => byte !== 0)) rows[at.toString(16).padStart(3, '0')] = Buffer.from(row).toString('hex');
  }
  return rows;
}

/** The tree in a capture, or why there is none. Nothing in the text is believed. */
export function parseCapture(text: string): MemoryTree | CaptureFlaw {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return malformed(`it is no JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
  if (!isRecord(document) || document['format'] !== formatName) return malformed(`it does not begin as one.`);
  const { version, entries } = document;
  if (typeof version !== 'number' || !Number.isInteger(version)) return malformed('it has no version.');
  if (version > formatVersion) {
    return {
      code: 'capture-newer',
      sentence: `it is of version ${version}, and this dda knows up to ${formatVersion}.`,
    };
  }
  if (!isRecord(entries)) return malformed('it has no entries.');
  return treeOf(Object.entries(entries));
}

function treeOf(entries: readonly [string, unknown][]): MemoryTree | CaptureFlaw {
  if (entries.length > captureLimits.entries) return tooLarge(`it has more than ${captureLimits.entries} entries.`);
  const tree = new MemoryTree();
  const names: [string, readonly string[]][] = [];
  for (const [path, entry] of entries) {
    if (!isPath(path)) return malformed(`${quoted(path)} is no path that a capture can have.`);
    try {
      if (typeof entry === 'string' && isPlain(entry)) tree.file(path, entry);
      else if (!isRecord(entry)) return badEntry(path);
      else if (Object.keys(entry).length === 0) tree.directory(path);
      else if (entry['denied'] === true && mayBeDenied.test(path)) tree.denied(path);
      else if (typeof entry['link'] === 'string' && isPlain(entry['link'])) tree.symbolicLink(path, entry['link']);
      else if (Array.isArray(entry['names']) && entry['names'].every(isName)) names.push([path, entry['names']]);
      else {
        const bytes = bytesOf(entry);
        if (bytes === undefined) return badEntry(path);
        tree.file(path, bytes);
      }
    } catch {
      return malformed(`${quoted(path)} lies below a file.`);
    }
  }
  for (const [path, children] of names) addNames(tree, path, children);
  return sizeFlaw(tree) ?? tree;
}

/** Names that nothing more is known of. */
function addNames(tree: MemoryTree, path: string, names: readonly string[]): void {
  tree.directory(path);
  const known = new Set(tree.list(path));
  for (const name of names) if (!known.has(name)) tree.directory(`${path}/${name}`);
}

function sizeFlaw(tree: MemoryTree): CaptureFlaw | undefined {
  const functions = tree.list('/sys/bus/pci/devices').length;
  if (functions === 0) return malformed('there is no PCI function in it (/sys/bus/pci/devices is missing or empty).');
  return sizeFlawOf(tree, functions);
}

/** Also for trees in directories. */
export function sizeFlawOf(
  tree: { list(path: string): readonly string[] },
  functions: number,
): CaptureFlaw | undefined {
  if (functions > captureLimits.functions) return tooLarge(`it has more than ${captureLimits.functions} functions.`);
  const groups = '/sys/kernel/iommu_groups';
  const large = tree
    .list(groups)
    .find((group) => tree.list(`${groups}/${group}/devices`).length > captureLimits.groupMembers);
  return large === undefined
    ? undefined
    : tooLarge(`its IOMMU group ${quoted(large)} has more than ${captureLimits.groupMembers} members.`);
}

function bytesOf(entry: Readonly<Record<string, unknown>>): Uint8Array | undefined {
  const { bytes: length, at } = entry;
  if (typeof length !== 'number' || !Number.isInteger(length) || length < 0 || length > extendedConfigSpaceBytes)
    return undefined;
  if (!isRecord(at)) return undefined;
  const bytes = new Uint8Array(length);
  for (const [offset, row] of Object.entries(at)) {
    if (!/^[0-9a-f]{3}$/.test(offset) || typeof row !== 'string' || !/^(?:[0-9a-f]{2}){1,16}$/.test(row))
      return undefined;
    const start = Number.parseInt(offset, 16);
    if (start + row.length / 2 > length) return undefined;
    bytes.set(Buffer.from(row, 'hex'), start);
  }
  return bytes;
}

function isPath(path: string): boolean {
  if (path.length > captureLimits.pathLength || !/^\/(?:sys|proc|dev|lib)\//.test(path)) return false;
  const parts = path.slice(1).split('/');
  return parts.length <= captureLimits.depth && parts.every(isName);
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && name.length < 256 && !/^\.\.?$|\//.test(name) && isPlain(name);
}

/** No control characters: a terminal would obey them. */
function isPlain(text: string): boolean {
  return !/[^\P{Cc}\n\t]/u.test(text);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function badEntry(path: string): CaptureFlaw {
  return malformed(`what it has for ${quoted(path)} makes no sense.`);
}

function malformed(sentence: string): CaptureFlaw {
  return { code: 'capture-malformed', sentence };
}

function tooLarge(sentence: string): CaptureFlaw {
  return { code: 'capture-too-large', sentence };
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
