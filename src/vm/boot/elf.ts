import { BootError, BootErrorCode } from './boot-error.ts';
import { type ImageFile, readHead } from './image-file.ts';

/** ELF-64 layout (System V ABI, "Object Files"). */
const Ident = { class: 4, data: 5 } as const;
const Header = {
  type: 16,
  machine: 18,
  entry: 24,
  programHeaderOffset: 32,
  sectionHeaderOffset: 40,
  programHeaderSize: 54,
  programHeaderCount: 56,
  sectionHeaderSize: 58,
  sectionHeaderCount: 60,
  sectionNamesIndex: 62,
  sizeBytes: 64,
} as const;
export const ELF_HEADER_BYTES = Header.sizeBytes;
const ProgramHeader = { type: 0, offset: 8, physicalAddress: 24, fileSize: 32, memorySize: 40, sizeBytes: 56 } as const;
const SectionHeader = { name: 0, type: 4, offset: 24, size: 32, sizeBytes: 64 } as const;

/** Linkers put a kernel's program headers right behind the file's own. */
const KERNEL_HEAD_BYTES = 4096;
const MAGIC = 0x464c457f;
const CLASS_64 = 2;
const DATA_LITTLE_ENDIAN = 1;
const TYPE_EXECUTABLE = 2;
const MACHINE_X86_64 = 62;
const SEGMENT_LOAD = 1;
const SEGMENT_INTERPRETER = 3;
const SECTION_NO_BITS = 8;
/** No kernel and no module has more; it bounds the work on a hostile file. */
const SEGMENTS_MAX = 64;
const SECTIONS_MAX = 4096;
const SECTION_NAME_MAX_BYTES = 64;

/** A part of an uncompressed kernel: `fileBytes` from `offset` of the file on go to `gpa`, zeros behind them up to `memoryBytes`. */
export interface KernelSegment {
  readonly gpa: number;
  readonly offset: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
}

/** An uncompressed kernel that starts at its ELF entry, in 64-bit mode. Its segments are still in the file. */
export interface Vmlinux {
  readonly kind: 'vmlinux';
  readonly file: ImageFile;
  readonly entryGpa: number;
  readonly segments: readonly KernelSegment[];
  /** The first address behind all segments. */
  readonly endGpa: number;
}

/**
 * Reads the headers of an uncompressed x86-64 kernel.
 *
 * @throws BootError `kernel-not-elf` or `kernel-truncated`, and what reading the file throws.
 */
export function parseVmlinux(file: ImageFile): Vmlinux {
  const view = elfView(readHead(file, KERNEL_HEAD_BYTES));
  if (
    !view ||
    view.getUint16(Header.type, true) !== TYPE_EXECUTABLE ||
    view.getUint16(Header.machine, true) !== MACHINE_X86_64
  ) {
    throw notAKernel('it is no executable ELF file for x86-64');
  }
  const segments: KernelSegment[] = [];
  for (const at of programHeaders(view)) {
    if (view.getUint32(at + ProgramHeader.type, true) !== SEGMENT_LOAD) continue;
    const offset = view.getBigUint64(at + ProgramHeader.offset, true);
    const fileBytes = view.getBigUint64(at + ProgramHeader.fileSize, true);
    const memoryBytes = view.getBigUint64(at + ProgramHeader.memorySize, true);
    const gpa = view.getBigUint64(at + ProgramHeader.physicalAddress, true);
    if (fileBytes > memoryBytes || gpa + memoryBytes > 0xffffffffn || gpa < 0x100000n)
      throw notAKernel('it wants to be loaded where no kernel is');
    if (offset + fileBytes > BigInt(file.sizeBytes)) throw endsTooEarly(offset + fileBytes, file.sizeBytes);
    segments.push({
      gpa: Number(gpa),
      offset: Number(offset),
      fileBytes: Number(fileBytes),
      memoryBytes: Number(memoryBytes),
    });
  }
  const entry = view.getBigUint64(Header.entry, true);
  const isInside = (segment: KernelSegment): boolean =>
    entry >= BigInt(segment.gpa) && entry < BigInt(segment.gpa + segment.memoryBytes);
  if (!segments.some(isInside)) throw notAKernel('its entry is at no physical address that it loads');
  return {
    kind: 'vmlinux',
    file,
    entryGpa: Number(entry),
    segments,
    endGpa: Math.max(...segments.map((segment) => segment.gpa + segment.memoryBytes)),
  };
}

/** Whether `file` starts like a 64-bit ELF file. */
export function isElf(file: Uint8Array): boolean {
  return elfView(file) !== undefined;
}

/** The bytes of the section `name`; undefined for anything that isn't a whole little-endian ELF-64 file with that section. */
export function elfSection(file: Uint8Array, name: string): Uint8Array | undefined {
  const view = elfView(file);
  if (!view) return undefined;
  const table = view.getBigUint64(Header.sectionHeaderOffset, true);
  const count = Math.min(view.getUint16(Header.sectionHeaderCount, true), SECTIONS_MAX);
  if (view.getUint16(Header.sectionHeaderSize, true) !== SectionHeader.sizeBytes) return undefined;
  if (table + BigInt(count * SectionHeader.sizeBytes) > BigInt(file.length)) return undefined;
  const section = (index: number): { nameOffset: number; bytes: Uint8Array | undefined } => {
    const at = Number(table) + index * SectionHeader.sizeBytes;
    const offset = view.getBigUint64(at + SectionHeader.offset, true);
    const end = offset + view.getBigUint64(at + SectionHeader.size, true);
    const isInFile = view.getUint32(at + SectionHeader.type, true) !== SECTION_NO_BITS && end <= BigInt(file.length);
    return {
      nameOffset: view.getUint32(at, true),
      bytes: isInFile ? file.subarray(Number(offset), Number(end)) : undefined,
    };
  };
  const namesIndex = view.getUint16(Header.sectionNamesIndex, true);
  const names = namesIndex < count ? section(namesIndex).bytes : undefined;
  if (!names) return undefined;
  for (let index = 0; index < count; index++) {
    const { nameOffset, bytes } = section(index);
    const text = names.subarray(nameOffset, nameOffset + SECTION_NAME_MAX_BYTES);
    const end = text.indexOf(0);
    if (end >= 0 && Buffer.from(text.subarray(0, end)).toString('latin1') === name) return bytes;
  }
  return undefined;
}

/** Whether `file` is an x86-64 ELF program that needs no dynamic loader; undefined if it is no such program at all. */
export function isStaticProgram(file: Uint8Array): boolean | undefined {
  const view = elfView(file);
  if (!view || view.getUint16(Header.machine, true) !== MACHINE_X86_64) return undefined;
  return !programHeaders(view).some((at) => view.getUint32(at + ProgramHeader.type, true) === SEGMENT_INTERPRETER);
}

/** Undefined unless `file` starts with a whole header of a little-endian ELF-64 file. */
function elfView(file: Uint8Array): DataView | undefined {
  if (file.length < Header.sizeBytes) return undefined;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const isElf64 =
    view.getUint32(0, true) === MAGIC &&
    view.getUint8(Ident.class) === CLASS_64 &&
    view.getUint8(Ident.data) === DATA_LITTLE_ENDIAN;
  return isElf64 ? view : undefined;
}

/** Offsets of the program headers that lie in the file. */
function programHeaders(view: DataView): number[] {
  const table = view.getBigUint64(Header.programHeaderOffset, true);
  const count = view.getUint16(Header.programHeaderCount, true);
  const size = view.getUint16(Header.programHeaderSize, true);
  if (
    size !== ProgramHeader.sizeBytes ||
    count > SEGMENTS_MAX ||
    table + BigInt(count * size) > BigInt(view.byteLength)
  )
    return [];
  return Array.from({ length: count }, (_, index) => Number(table) + index * size);
}

function endsTooEarly(wantedBytes: bigint, sizeBytes: number): BootError {
  return new BootError(
    BootErrorCode.kernelTruncated,
    `The kernel file ends too early: one of its segments ends at byte ${wantedBytes}, ${sizeBytes} are there. Copy it again.`,
  );
}

function notAKernel(reason: string): BootError {
  return new BootError(
    BootErrorCode.kernelNotElf,
    `The kernel file is not an uncompressed Linux kernel (vmlinux): ${reason}. Name a vmlinux or vmlinuz file.`,
  );
}
