import assert from 'node:assert/strict';
import test from 'node:test';
import { alteredModule } from './altered-module.ts';

const HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
const CODE_BYTES = 32;
/** endbr64; then what will be gone: a call that the loader completes, and a return. */
const CODE = [0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x31, 0xc0, 0xe8, 0, 0, 0, 0, 0xc3];
const CALL_OPERAND_AT = 8;
const PLT32 = 4;

/** A relocatable file with code, a symbol table, its names, and relocations at these places of the code. */
function module(places: readonly number[], names = '\0init_module\0'): Buffer {
  const code = Buffer.alloc(CODE_BYTES, 0x90);
  code.set(CODE);
  const symbols = Buffer.alloc(48);
  symbols.writeUInt32LE(1, 24);
  symbols.writeUInt16LE(1, 30);
  const relocations = Buffer.alloc(24 * places.length);
  places.forEach((place, index) => {
    relocations.writeBigUInt64LE(BigInt(place), 24 * index);
    relocations.writeUInt32LE(PLT32, 24 * index + 8);
  });
  const parts = [code, symbols, Buffer.from(names), relocations];
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(0x464c457f, 0);
  const sectionsAt = HEADER_BYTES + parts.reduce((sum, part) => sum + part.length, 0);
  header.writeBigUInt64LE(BigInt(sectionsAt), 40);
  header.writeUInt16LE(5, 60);
  let at = HEADER_BYTES;
  const section = (type: number, bytes: Buffer, link: number, info: number): Buffer => {
    const each = Buffer.alloc(SECTION_HEADER_BYTES);
    each.writeUInt32LE(type, 4);
    each.writeBigUInt64LE(BigInt(at), 24);
    each.writeBigUInt64LE(BigInt(bytes.length), 32);
    each.writeUInt32LE(link, 40);
    each.writeUInt32LE(info, 44);
    at += bytes.length;
    return each;
  };
  const [one, two, three, four] = parts as [Buffer, Buffer, Buffer, Buffer];
  const table = [section(1, one, 0, 0), section(2, two, 3, 0), section(3, three, 0, 0), section(4, four, 2, 1)];
  return Buffer.concat([header, ...parts, Buffer.alloc(SECTION_HEADER_BYTES), ...table]);
}

const typeOf = (file: Uint8Array, index: number): number =>
  Buffer.from(file).readUInt32LE(HEADER_BYTES + CODE_BYTES + 48 + '\0init_module\0'.length + 24 * index + 8);

test('the code is in the place of what the function did; its mark for indirect branches stays', () => {
  const altered = alteredModule(module([]), [0xfa, 0xeb, 0xfe]);
  assert.deepEqual(
    [...altered.subarray(HEADER_BYTES, HEADER_BYTES + 8)],
    [0xf3, 0x0f, 0x1e, 0xfa, 0xfa, 0xeb, 0xfe, 0xe8],
  );
});

test('the loader fills in nothing where other code is, and all that is elsewhere', () => {
  const altered = alteredModule(
    module([CALL_OPERAND_AT, 24]),
    Array.from({ length: 10 }, () => 0xcc),
  );
  assert.deepEqual([typeOf(altered, 0), typeOf(altered, 1)], [0, PLT32]);
  const short = alteredModule(module([CALL_OPERAND_AT]), [0xc3]);
  assert.equal(typeOf(short, 0), PLT32);
});

test('too much code, a place across its beginning, and a module without the function are refused', () => {
  assert.throws(
    () =>
      alteredModule(
        module([]),
        Array.from({ length: 29 }, () => 0x90),
      ),
    /room for 28 bytes of code, not for 29/,
  );
  assert.throws(() => alteredModule(module([2]), [0x90]), /over the beginning of init_module/);
  assert.throws(() => alteredModule(module([], '\0exit_module\0'), [0x90]), /has no init_module/);
  assert.throws(() => alteredModule(new Uint8Array(64), [0x90]), /no ELF file/);
});

test('the module itself is left as it is', () => {
  const file = module([CALL_OPERAND_AT]);
  const before = Buffer.from(file);
  alteredModule(file, [0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc]);
  assert.deepEqual(file, before);
});
