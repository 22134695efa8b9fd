/** ELF-64 files of a few bytes, for tests. Layout: System V ABI, "Object Files". */

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const SECTION_HEADER_BYTES = 64;

export interface TinySegment {
  /** 1 = loaded, 3 = names an interpreter. */
  readonly type?: number;
  readonly physicalAddress: number;
  readonly bytes: Uint8Array;
  readonly memoryBytes?: number;
}

function header(type: number, sizeBytes: number): { file: Buffer } {
  const file = Buffer.alloc(sizeBytes);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(type, 16);
  file.writeUInt16LE(62, 18);
  file.writeUInt32LE(1, 20);
  file.writeUInt16LE(HEADER_BYTES, 52);
  return { file };
}

/** An executable for x86-64. */
export function tinyExecutable(entry: number, segments: readonly TinySegment[]): Buffer {
  let at = HEADER_BYTES + segments.length * PROGRAM_HEADER_BYTES;
  const { file } = header(2, at + segments.reduce((total, segment) => total + segment.bytes.length, 0));
  file.writeBigUInt64LE(BigInt(entry), 24);
  file.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  file.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  file.writeUInt16LE(segments.length, 56);
  segments.forEach((segment, index) => {
    const headerAt = HEADER_BYTES + index * PROGRAM_HEADER_BYTES;
    file.writeUInt32LE(segment.type ?? 1, headerAt);
    file.writeBigUInt64LE(BigInt(at), headerAt + 8);
    file.writeBigUInt64LE(BigInt(segment.physicalAddress), headerAt + 24);
    file.writeBigUInt64LE(BigInt(segment.bytes.length), headerAt + 32);
    file.writeBigUInt64LE(BigInt(segment.memoryBytes ?? segment.bytes.length), headerAt + 40);
    file.set(segment.bytes, at);
    at += segment.bytes.length;
  });
  return file;
}

/** A kernel module: a relocatable file whose `.modinfo` holds `info`, one string each. */
export function tinyModule(info: readonly string[]): Buffer {
  const names = Buffer.from('\0.modinfo\0.shstrtab\0');
  const modinfo = Buffer.from(info.map((entry) => `${entry}\0`).join(''));
  const namesAt = HEADER_BYTES + modinfo.length;
  const tableAt = namesAt + names.length;
  const { file } = header(1, tableAt + 3 * SECTION_HEADER_BYTES);
  file.writeBigUInt64LE(BigInt(tableAt), 40);
  file.writeUInt16LE(SECTION_HEADER_BYTES, 58);
  file.writeUInt16LE(3, 60);
  file.writeUInt16LE(2, 62);
  file.set(modinfo, HEADER_BYTES);
  file.set(names, namesAt);
  const section = (index: number, nameAt: number, type: number, offset: number, sizeBytes: number): void => {
    const at = tableAt + index * SECTION_HEADER_BYTES;
    file.writeUInt32LE(nameAt, at);
    file.writeUInt32LE(type, at + 4);
    file.writeBigUInt64LE(BigInt(offset), at + 24);
    file.writeBigUInt64LE(BigInt(sizeBytes), at + 32);
  };
  section(1, 1, 1, HEADER_BYTES, modinfo.length);
  section(2, 10, 3, namesAt, names.length);
  return file;
}
