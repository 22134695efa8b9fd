/**
 * A kernel module that, when it is loaded, never gives the processor back. Made from one of the kernel's own, whose first
 * function gets other first bytes: so it fits that kernel, and there is nothing to compile.
 */

/** ELF-64 (System V ABI, "Object Files"): the fields that lead to a symbol. */
const Header = { sectionHeaderOffset: 40, sectionHeaderCount: 60 } as const;
const Section = { type: 4, offset: 24, size: 32, link: 40, sizeBytes: 64 } as const;
const Symbol = { name: 0, section: 6, value: 8, sizeBytes: 24 } as const;
const SECTION_SYMBOL_TABLE = 2;
const MAGIC = 0x464c457f;

/** Appended to signed modules (Linux, Documentation/admin-guide/module-signing.rst); before it 12 bytes that end with the signature's size. */
const SIGNATURE_MARK = '~Module signature appended~\n';
const SIGNATURE_FACTS_BYTES = 12;

const FIRST_FUNCTION = 'init_module';
/** x86: `endbr64`, which a function begins with where the compiler guards indirect calls. */
const ENDBR64 = [0xf3, 0x0f, 0x1e, 0xfa];
/** x86: `cli`, and a `jmp` to itself. */
const CLI = 0xfa;
const JUMP_TO_ITSELF = [0xeb, 0xfe];

export const Spin = { withInterrupts: JUMP_TO_ITSELF, withoutInterrupts: [CLI, ...JUMP_TO_ITSELF] } as const;

/** `module`: an uncompressed `.ko` for x86-64. Throws RangeError if it isn't made as expected. */
export function spinningModule(module: Uint8Array, code: readonly number[]): Uint8Array {
  const bytes = withoutSignature(module);
  const at = functionOffset(new DataView(bytes.buffer), bytes, FIRST_FUNCTION);
  if (!ENDBR64.every((byte, index) => bytes[at + index] === byte)) {
    throw new RangeError(`The module's ${FIRST_FUNCTION} doesn't begin with endbr64, so there is no room for other code.`);
  }
  bytes.set(code, at);
  return bytes;
}

/** A copy. A signature that doesn't fit is refused; none at all is not, as long as the kernel doesn't insist. */
function withoutSignature(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const markAt = module.length - SIGNATURE_MARK.length;
  if (new TextDecoder('latin1').decode(module.subarray(markAt)) !== SIGNATURE_MARK) return new Uint8Array(module);
  const sizeAt = markAt - 4;
  const size = new DataView(module.buffer, module.byteOffset).getUint32(sizeAt);
  return new Uint8Array(module.subarray(0, markAt - SIGNATURE_FACTS_BYTES - size));
}

function functionOffset(view: DataView, bytes: Uint8Array, name: string): number {
  if (view.getUint32(0, true) !== MAGIC) throw new RangeError('The module is no ELF file.');
  const sections = Number(view.getBigUint64(Header.sectionHeaderOffset, true));
  const offsetOf = (section: number): number =>
    Number(view.getBigUint64(sections + section * Section.sizeBytes + Section.offset, true));
  for (let index = 0; index < view.getUint16(Header.sectionHeaderCount, true); index += 1) {
    const section = sections + index * Section.sizeBytes;
    if (view.getUint32(section + Section.type, true) !== SECTION_SYMBOL_TABLE) continue;
    const names = offsetOf(view.getUint32(section + Section.link, true));
    const first = offsetOf(index);
    const end = first + Number(view.getBigUint64(section + Section.size, true));
    for (let symbol = first; symbol < end; symbol += Symbol.sizeBytes) {
      const nameAt = names + view.getUint32(symbol + Symbol.name, true);
      const text = new TextDecoder('latin1').decode(bytes.subarray(nameAt, bytes.indexOf(0, nameAt)));
      if (text !== name) continue;
      return offsetOf(view.getUint16(symbol + Symbol.section, true)) + Number(view.getBigUint64(symbol + Symbol.value, true));
    }
  }
  throw new RangeError(`The module has no function ${name}.`);
}
