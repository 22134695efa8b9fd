/**
 * Programs for a guest that are nothing but system calls, so that neither a compiler nor libraries are needed for what busybox
 * can't do. Numbers: Linux, arch/x86/entry/syscalls/syscall_64.tbl. ELF-64: System V ABI, "Object Files".
 */

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const LOAD_ADDRESS = 0x40_0000;
const READ_WRITE_EXECUTE = 7;
const CODE_AT = HEADER_BYTES + PROGRAM_HEADER_BYTES;
/** Results of calls, behind the texts. */
const RESULT_BYTES = 8;

export const SystemCall = { write: 1, open: 2, exit: 60, reboot: 169, kexecFileLoad: 320 } as const;

/** A number, the address of a text, or what an earlier call gave. */
export type Argument = number | bigint | { readonly text: string } | { readonly resultOf: number };

export interface Call {
  readonly number: number;
  readonly args: readonly Argument[];
}

/** mov REGISTER, imm64 and mov REGISTER, rax, in the order of a system call's arguments: rdi, rsi, rdx, r10, r8, r9. */
const ARGUMENT_REGISTERS = [
  { immediate: [0x48, 0xbf], fromRax: [0x48, 0x89, 0xc7] },
  { immediate: [0x48, 0xbe], fromRax: [0x48, 0x89, 0xc6] },
  { immediate: [0x48, 0xba], fromRax: [0x48, 0x89, 0xc2] },
  { immediate: [0x49, 0xba], fromRax: [0x49, 0x89, 0xc2] },
  { immediate: [0x49, 0xb8], fromRax: [0x49, 0x89, 0xc0] },
  { immediate: [0x49, 0xb9], fromRax: [0x49, 0x89, 0xc1] },
] as const;

const bytes32 = (value: number): number[] => [...Buffer.from(Int32Array.of(value).buffer)];
const bytes64 = (value: bigint): number[] => [...Buffer.from(BigUint64Array.of(BigInt.asUintN(64, value)).buffer)];
/** mov rax, [address] */
const loadRax = (address: bigint): number[] => [0x48, 0xa1, ...bytes64(address)];

const EXIT = [0xb8, ...bytes32(SystemCall.exit), 0x0f, 0x05]; // mov eax, exit; syscall
/** The error's number is the exit code. */
const EXIT_IF_FAILED = [
  ...[0x48, 0x85, 0xc0, 0x79, 6 + EXIT.length], // test rax, rax; jns over the rest
  ...[0x48, 0xf7, 0xd8, 0x48, 0x89, 0xc7], // neg rax; mov rdi, rax
  ...EXIT,
];

/** A static program that does `calls` one after the other, and ends with 0, or with the number of the first error. */
export function userProgram(calls: readonly Call[]): Uint8Array {
  const texts = new Map<string, number>();
  let textBytes = 0;
  for (const call of calls) {
    for (const argument of call.args) {
      if (typeof argument !== 'object' || !('text' in argument) || texts.has(argument.text)) continue;
      texts.set(argument.text, textBytes);
      textBytes += Buffer.byteLength(argument.text) + 1;
    }
  }
  // Code has the same size wherever things are: so once to measure, once for good.
  const measured = assemble(
    calls,
    () => 0n,
    () => 0n,
  ).length;
  const textsAt = BigInt(LOAD_ADDRESS + CODE_AT + measured);
  const resultsAt = textsAt + BigInt(textBytes);
  const code = assemble(
    calls,
    (text) => textsAt + BigInt(texts.get(text) ?? 0),
    (index) => resultsAt + BigInt(index * RESULT_BYTES),
  );
  const file = Buffer.alloc(CODE_AT + code.length + textBytes);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(62, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS + CODE_AT), 24);
  file.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  file.writeUInt16LE(HEADER_BYTES, 52);
  file.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, HEADER_BYTES);
  file.writeUInt32LE(READ_WRITE_EXECUTE, HEADER_BYTES + 4);
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS), HEADER_BYTES + 16);
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS), HEADER_BYTES + 24);
  file.writeBigUInt64LE(BigInt(file.length), HEADER_BYTES + 32);
  file.writeBigUInt64LE(BigInt(file.length + calls.length * RESULT_BYTES), HEADER_BYTES + 40);
  file.writeBigUInt64LE(4096n, HEADER_BYTES + 48);
  file.set(code, CODE_AT);
  for (const [text, at] of texts) file.write(text, CODE_AT + code.length + at);
  return file;
}

function assemble(
  calls: readonly Call[],
  addressOfText: (text: string) => bigint,
  addressOfResult: (index: number) => bigint,
): number[] {
  const code = calls.flatMap((call, index) => {
    const args = call.args.flatMap((argument, place) => {
      const register = ARGUMENT_REGISTERS[place];
      if (register === undefined) throw new RangeError('A system call has six arguments at most.');
      if (typeof argument !== 'object') return [...register.immediate, ...bytes64(BigInt(argument))];
      if ('text' in argument) return [...register.immediate, ...bytes64(addressOfText(argument.text))];
      return [...loadRax(addressOfResult(argument.resultOf)), ...register.fromRax];
    });
    return [
      ...args,
      ...[0xb8, ...bytes32(call.number), 0x0f, 0x05], // mov eax, number; syscall
      ...EXIT_IF_FAILED,
      ...[0x48, 0xa3, ...bytes64(addressOfResult(index))], // mov [result], rax
    ];
  });
  return [...code, 0x31, 0xff, ...EXIT]; // xor edi, edi
}
