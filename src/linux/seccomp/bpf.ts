/**
 * Classic BPF, as seccomp takes it: 32-bit words of `struct seccomp_data` are loaded into an accumulator, compared, and the
 * program ends with an action. Jumps lead forwards only, so it always ends.
 */

/** struct sock_filter. `jt` and `jf`: how many instructions a comparison skips when it holds and when it doesn't; at most 255. */
export interface BpfInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Instruction codes, each with what the kernel's headers make it of. Linux include/uapi/linux/bpf_common.h. */
export const BpfCode = {
  /** BPF_LD | BPF_W | BPF_ABS: the word at offset k. */
  loadWord: 0x20,
  /** BPF_ALU | BPF_AND | BPF_K. */
  and: 0x54,
  /** BPF_JMP | BPF_JA: skips k instructions. */
  jump: 0x05,
  /** BPF_JMP | BPF_JEQ | BPF_K. */
  jumpIfEqual: 0x15,
  /** BPF_JMP | BPF_JGE | BPF_K, without sign. */
  jumpIfAtLeast: 0x35,
  /** BPF_RET | BPF_K. */
  return: 0x06,
} as const;

/** struct seccomp_data on x86-64: system call number, architecture, instruction pointer, six arguments of 64 bits. Linux include/uapi/linux/seccomp.h. */
export const SeccompData = { number: 0, architecture: 4, argument: (index: number) => 16 + 8 * index } as const;
export const SECCOMP_DATA_BYTES = 64;

/** AUDIT_ARCH_X86_64: EM_X86_64, 64 bits, little-endian. Linux include/uapi/linux/audit.h. */
export const ARCHITECTURE_X86_64 = 0xc000003e;

/** What a filter answers. Linux include/uapi/linux/seccomp.h, SECCOMP_RET_*. */
export const SeccompAction = {
  killProcess: 0x8000_0000,
  allow: 0x7fff_0000,
  /** The call isn't made and fails with this errno. */
  refuse: (errno: number) => 0x0005_0000 | errno,
} as const;

/** BPF_MAXINSNS of Linux include/uapi/linux/bpf_common.h. */
export const MAX_INSTRUCTIONS = 4096;
export const INSTRUCTION_BYTES = 8;

/** The bytes that the kernel reads: 8 an instruction. */
export function encodeInstructions(program: readonly BpfInstruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(program.length * INSTRUCTION_BYTES));
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, index) => {
    const at = index * INSTRUCTION_BYTES;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k, true);
  });
  return bytes;
}
