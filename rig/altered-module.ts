/**
 * A kernel module that, when it is loaded, never gives the processor back. Made from one of the kernel's own, whose first
 * function gets other code: so it fits that kernel, and there is nothing to compile.
 */

/** ELF-64 (System V ABI, "Object Files"). */
const Header = { sectionHeaderOffset: 40, sectionHeaderCount: 60 } as const;
const SectionHeader = { type: 4, offset: 24, size: 32, link: 40, info: 44, sizeBytes: 64 } as const;
const SymbolEntry = { name: 0, section: 6, value: 8, sizeBytes: 24 } as const;
const RelocationEntry = { offset: 0, sizeBytes: 24 } as const;
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
/** x86: `cli`, and a `jmp` to itself. */
const CLI = 0xfa;
const JUMP_TO_ITSELF = [0xeb, 0xfe];

export const Spin = { withInterrupts: JUMP_TO_ITSELF, withoutInterrupts: [CLI, ...JUMP_TO_ITSELF] } as const;

/** `module`: an uncompressed `.ko` for x86-64. Throws RangeError if it isn't made as expected. */
export function spinningModule(module: Uint8Array, code: readonly number[]): Uint8Array {
  const bytes = withoutSignature(module);
  const file = new ElfFile(bytes);
  const start = file.symbol(FIRST_FUNCTION);
  let within = start.value;
  if (ENDBR64.every((byte, index) => bytes[start.sectionOffset + within + index] === byte)) within += ENDBR64.length;
  if (bytes[start.sectionOffset + within] === CALL.code) within += CALL.sizeBytes;
  if (file.relocationsOf(start.section).some((at) => at < within + code.length && at + RELOCATED_BYTES > within)) {
    throw new RangeError(`The loader would write over other code in the module's ${FIRST_FUNCTION}.`);
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
        return { section, sectionOffset: this.#offsetOf(section), value: this.#word(at + SymbolEntry.value) };
      }
    }
    throw new RangeError(`The module has no ${name}.`);
  }

  /** Places within a section that the loader fills in. */
  relocationsOf(section: number): number[] {
    return this.#sections(SectionType.relocations)
      .filter((table) => this.#field(table, SectionHeader.info) === section)
      .flatMap((table) => this.#entries(table, RelocationEntry.sizeBytes))
      .map((at) => this.#word(at + RelocationEntry.offset));
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
