/**
 * A kernel module that does what somebody says when it is loaded. Made from one of the kernel's own, whose first function
 * gets other code: so it fits that kernel, and there is nothing to compile.
 */

/** ELF-64 (System V ABI, "Object Files"). */
const Header = { sectionHeaderOffset: 40, sectionHeaderCount: 60 } as const;
const SectionHeader = { type: 4, offset: 24, size: 32, link: 40, info: 44, sizeBytes: 64 } as const;
const SymbolEntry = { name: 0, section: 6, value: 8, sizeBytes: 24 } as const;
const RelocationEntry = { offset: 0, type: 8, sizeBytes: 24 } as const;
/** R_X86_64_NONE (System V ABI, AMD64 supplement): nothing is filled in. */
const NO_RELOCATION = 0;
const SectionType = { symbolTable: 2, relocations: 4 } as const;
const MAGIC = 0x464c457f;
/** Of x86-64's relocations, those in code fill in four bytes. */
const RELOCATED_BYTES = 4;

/** Appended to signed modules (Linux, Documentation/admin-guide/module-signing.rst); before it 12 bytes that end with the signature's size. */
const SIGNATURE_MARK = '~Module signature appended~\n';
const SIGNATURE_FACTS_BYTES = 12;

const FIRST_FUNCTION = 'init_module';
/** What functions begin with by the compiler's doing; the loader knows these places, so they stay. */
const ENDBR64 = [0xf3, 0x0f, 0x1e, 0xfa];
const CALL = { code: 0xe8, sizeBytes: 5 } as const;
/**
 * `module`: an uncompressed `.ko` for x86-64. `code` takes the place of what its first function does; it may use what a function may
 * use without saving it, and returns an error, or never. Throws RangeError if the module isn't made as expected, or has too little room.
 */
export function alteredModule(module: Uint8Array, code: readonly number[]): Uint8Array {
  const bytes = withoutSignature(module);
  const file = new ElfFile(bytes);
  const start = file.symbol(FIRST_FUNCTION);
  let within = start.value;
  if (ENDBR64.every((byte, index) => bytes[start.sectionOffset + within + index] === byte)) within += ENDBR64.length;
  if (bytes[start.sectionOffset + within] === CALL.code) within += CALL.sizeBytes;
  const room = start.sectionBytes - within;
  if (code.length > room)
    throw new RangeError(`The module has room for ${room} bytes of code, not for ${code.length}.`);
  for (const entry of file.relocationsOf(start.section)) {
    const at = file.placeOf(entry);
    if (at >= within + code.length || at + RELOCATED_BYTES <= within) continue;
    if (at < within) throw new RangeError(`The loader would write over the beginning of ${FIRST_FUNCTION}.`);
    file.dropRelocation(entry);
  }
  bytes.set(code, start.sectionOffset + within);
  return bytes;
}

/** A copy. A signature that doesn't fit is refused; none at all is not, as long as the kernel doesn't insist. */
function withoutSignature(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const markAt = module.length - SIGNATURE_MARK.length;
  if (new TextDecoder('latin1').decode(module.subarray(markAt)) !== SIGNATURE_MARK) return new Uint8Array(module);
  const size = new DataView(module.buffer, module.byteOffset).getUint32(markAt - 4);
  return new Uint8Array(module.subarray(0, markAt - SIGNATURE_FACTS_BYTES - size));
}

interface PlacedSymbol {
  readonly section: number;
  /** Of its section in the file. */
  readonly sectionOffset: number;
  readonly sectionBytes: number;
  /** Within its section. */
  readonly value: number;
}

class ElfFile {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#view.getUint32(0, true) !== MAGIC) throw new RangeError('The module is no ELF file.');
  }

  symbol(name: string): PlacedSymbol {
    for (const table of this.#sections(SectionType.symbolTable)) {
      const names = this.#offsetOf(this.#field(table, SectionHeader.link));
      for (const at of this.#entries(table, SymbolEntry.sizeBytes)) {
        if (this.#text(names + this.#view.getUint32(at + SymbolEntry.name, true)) !== name) continue;
        const section = this.#view.getUint16(at + SymbolEntry.section, true);
        const sectionBytes = this.#word(this.#header(section) + SectionHeader.size);
        const value = this.#word(at + SymbolEntry.value);
        return { section, sectionOffset: this.#offsetOf(section), sectionBytes, value };
      }
    }
    throw new RangeError(`The module has no ${name}.`);
  }

  /** Entries about places within a section that the loader fills in. */
  relocationsOf(section: number): number[] {
    return this.#sections(SectionType.relocations)
      .filter((table) => this.#field(table, SectionHeader.info) === section)
      .flatMap((table) => this.#entries(table, RelocationEntry.sizeBytes));
  }

  /** The place within its section that an entry is about. */
  placeOf(entry: number): number {
    return this.#word(entry + RelocationEntry.offset);
  }

  dropRelocation(entry: number): void {
    this.#view.setUint32(entry + RelocationEntry.type, NO_RELOCATION, true);
  }

  #sections(type: number): number[] {
    const count = this.#view.getUint16(Header.sectionHeaderCount, true);
    return Array.from({ length: count }, (_, index) => index).filter(
      (index) => this.#field(index, SectionHeader.type) === type,
    );
  }

  #entries(section: number, sizeBytes: number): number[] {
    const first = this.#offsetOf(section);
    const count = this.#word(this.#header(section) + SectionHeader.size) / sizeBytes;
    return Array.from({ length: count }, (_, index) => first + index * sizeBytes);
  }

  #header = (section: number): number => this.#word(Header.sectionHeaderOffset) + section * SectionHeader.sizeBytes;

  #field = (section: number, field: number): number => this.#view.getUint32(this.#header(section) + field, true);

  #offsetOf = (section: number): number => this.#word(this.#header(section) + SectionHeader.offset);

  #word = (at: number): number => Number(this.#view.getBigUint64(at, true));

  #text(at: number): string {
    return new TextDecoder('latin1').decode(this.#bytes.subarray(at, this.#bytes.indexOf(0, at)));
  }
}
