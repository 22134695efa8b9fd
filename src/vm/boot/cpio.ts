import { BootError, BootErrorCode } from './boot-error.ts';

/** One member of an archive. `path` is relative to the root (a leading `/` is dropped); `mode` holds permission bits only. */
export type CpioEntry =
  | { readonly kind: 'file'; readonly path: string; readonly data: Uint8Array; readonly mode?: number }
  | { readonly kind: 'directory'; readonly path: string; readonly mode?: number }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'character-device' | 'block-device';
      readonly path: string;
      readonly major: number;
      readonly minor: number;
      readonly mode?: number;
    };

/** The "newc" header: magic, then 13 fields of 8 hexadecimal digits (Linux Documentation/driver-api/early-userspace/buffer-format.rst). */
const MAGIC = '070701';
const HEADER_BYTES = 110;
const TRAILER = 'TRAILER!!!';

/** File type bits of `mode` (POSIX sys/stat.h). */
const FileType = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  'character-device': 0o020000,
  'block-device': 0o060000,
} as const;
const DEFAULT_MODE = {
  file: 0o644,
  directory: 0o755,
  symlink: 0o777,
  'character-device': 0o600,
  'block-device': 0o600,
};

interface Member {
  readonly name: Uint8Array;
  readonly mode: number;
  readonly links: number;
  readonly data: Uint8Array;
  readonly major: number;
  readonly minor: number;
}

const utf8 = new TextEncoder();
const NO_DATA = new Uint8Array(0);
const padTo4 = (sizeBytes: number): number => (sizeBytes + 3) & ~3;

/**
 * An archive in cpio's "newc" form, uncompressed, as Linux unpacks it into its initramfs. The same entries give the same
 * bytes: owner root, time 0, inode numbers in order. Parent directories that no entry names are added (mode 0755) before
 * their first child. Several archives may be put one after another. Its size is a multiple of 4 bytes.
 *
 * @throws BootError `archive-entry` for an empty path, one with `.` or `..` components or a NUL, or a second entry of the same path.
 */
export function writeCpio(entries: Iterable<CpioEntry>): Uint8Array<ArrayBuffer> {
  const members = collect(entries);
  members.push({ name: utf8.encode(TRAILER), mode: 0, links: 1, data: NO_DATA, major: 0, minor: 0 });
  let sizeBytes = 0;
  for (const member of members) sizeBytes += paddedNameEnd(member) + padTo4(member.data.length);
  const archive = new Uint8Array(sizeBytes);
  let at = 0;
  members.forEach((member, index) => {
    const isTrailer = index === members.length - 1;
    writeHeader(archive, at, member, isTrailer ? 0 : index + 1);
    archive.set(member.name, at + HEADER_BYTES);
    at += paddedNameEnd(member);
    archive.set(member.data, at);
    at += padTo4(member.data.length);
  });
  return archive;
}

const paddedNameEnd = (member: Member): number => padTo4(HEADER_BYTES + member.name.length + 1);

function writeHeader(archive: Uint8Array, at: number, member: Member, inode: number): void {
  const fields = [
    inode,
    member.mode,
    0, // owner
    0, // group
    member.links,
    0, // modification time
    member.data.length,
    0, // device the file is on: major
    0, // and minor
    member.major,
    member.minor,
    member.name.length + 1,
    0, // checksum: only the "crc" form has one
  ];
  const text = MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  utf8.encodeInto(text, archive.subarray(at, at + HEADER_BYTES));
}

function collect(entries: Iterable<CpioEntry>): Member[] {
  const members: Member[] = [];
  const seen = new Set<string>();
  const implied = new Set<string>();
  const add = (path: string, entry: CpioEntry): void => {
    seen.add(path);
    members.push(toMember(path, entry));
  };
  for (const entry of entries) {
    const path = cleanPath(entry.path);
    const components = path.split('/');
    for (let depth = 1; depth < components.length; depth++) {
      const parent = components.slice(0, depth).join('/');
      if (seen.has(parent)) continue;
      implied.add(parent);
      add(parent, { kind: 'directory', path: parent });
    }
    // A directory that a child has already brought in may be named later; its mode would come too late to be honest.
    if (seen.has(path) && !(implied.has(path) && entry.kind === 'directory' && entry.mode === undefined)) {
      throw new BootError(
        BootErrorCode.archiveEntry,
        `The archive would hold '${path}' twice. Give each path once, directories before what is in them.`,
      );
    }
    if (!seen.has(path)) add(path, entry);
  }
  return members;
}

function toMember(path: string, entry: CpioEntry): Member {
  const mode = entry.kind === 'symlink' ? DEFAULT_MODE.symlink : (entry.mode ?? DEFAULT_MODE[entry.kind]);
  const isDevice = entry.kind === 'character-device' || entry.kind === 'block-device';
  let data = NO_DATA as Uint8Array;
  if (entry.kind === 'file') data = entry.data;
  if (entry.kind === 'symlink') data = utf8.encode(entry.target);
  return {
    name: utf8.encode(path),
    mode: FileType[entry.kind] | (mode & 0o7777),
    links: entry.kind === 'directory' ? 2 : 1,
    data,
    major: isDevice ? entry.major : 0,
    minor: isDevice ? entry.minor : 0,
  };
}

function cleanPath(given: string): string {
  const path = given.replace(/^\/+/, '').replace(/\/+$/, '');
  const components = path.split('/');
  if (components.some((name) => name === '' || name === '.' || name === '..') || path.includes('\0')) {
    throw new BootError(
      BootErrorCode.archiveEntry,
      `'${given}' is no path that an archive can hold: write it relative to the root, without '.', '..' or empty components.`,
    );
  }
  return path;
}
