/**
 * Machine code for modules of a guest's kernel (see `alteredModule`): what only a kernel can do, and no driver does. All of it ends,
 * with EINVAL, so that the module can be loaded again. Registers that a function must save are not touched.
 */

const RETURN_EINVAL = [0xb8, 0xea, 0xff, 0xff, 0xff, 0xc3]; // mov eax, -22; ret

/** Where Linux maps all of memory, when it does not place itself at random (Documentation/arch/x86/x86_64/mm.rst). */
const DIRECT_MAP = 0xffff_8880_0000_0000n;

/** TLFS, "SynIC MSRs": the pages of messages and of event flags. */
const SIEFP = 0x4000_0082;
const SIMP = 0x4000_0083;

/** The port that dda's hypercall page writes to: as it is called, only with registers of our choice. */
const OUT_HYPERCALL = [0xe7, 0x9c];
/** HvCallSignalEvent with its input in registers (TLFS, "HvCallSignalEvent", "Hypercall Inputs": bit 16 is `fast`). */
const FAST_SIGNAL_EVENT = 0x1_005d;

const PAGE_BYTES = 4096;
const bytes32 = (value: number): number[] => [...Buffer.from(Uint32Array.of(value).buffer)];
const bytes64 = (value: bigint): number[] => [...Buffer.from(BigUint64Array.of(value).buffer)];

/** A step of xorshift64 (Marsaglia, "Xorshift RNGs", 13-7-17) in R9, through RDX. */
const XORSHIFT = [
  ...[0x4c, 0x89, 0xca, 0x48, 0xc1, 0xe2, 13, 0x49, 0x31, 0xd1], // mov rdx, r9; shl rdx, 13; xor r9, rdx
  ...[0x4c, 0x89, 0xca, 0x48, 0xc1, 0xea, 7, 0x49, 0x31, 0xd1], // mov rdx, r9; shr rdx, 7; xor r9, rdx
  ...[0x4c, 0x89, 0xca, 0x48, 0xc1, 0xe2, 17, 0x49, 0x31, 0xd1], // mov rdx, r9; shl rdx, 17; xor r9, rdx
];

const seedR9 = (seed: bigint): number[] => [0x49, 0xb9, ...bytes64(seed)]; // mov r9, seed
const countR11 = (count: number): number[] => [0x41, 0xbb, ...bytes32(count)]; // mov r11d, count

/** Does `body` as often as R11 says. */
const untilR11 = (body: readonly number[]): number[] => {
  const decrement = [0x41, 0xff, 0xcb]; // dec r11d
  const jumpBytes = 6;
  const back = -(body.length + decrement.length + jumpBytes);
  return [...body, ...decrement, 0x0f, 0x85, ...bytes32(back >>> 0)]; // jnz
};

/** An open channel as its guest knows it; page numbers of guest memory. */
export interface ChannelPages {
  /** Where it is signalled. */
  readonly connectionId: number;
  /** The control page first, then the data: guest to host. */
  readonly outgoing: readonly number[];
  /** Host to guest, likewise. */
  readonly incoming: readonly number[];
}

const mapped = (page: number): bigint => DIRECT_MAP + BigInt(page) * BigInt(PAGE_BYTES);

/**
 * Noise in a channel's rings. `packets`: in the data that goes to the host, with a write index that may be one, so that the host takes the
 * noise for packets. `everything`: in all of both rings, then in the indices alone. `rounds` other indices, each with a signal.
 */
export function scribbleOverRings(
  where: 'packets' | 'everything',
  { connectionId, outgoing, incoming }: ChannelPages,
  { rounds, seed }: { readonly rounds: number; readonly seed: bigint },
): number[] {
  const [control = 0, ...data] = outgoing;
  const pages = where === 'packets' ? data : [...outgoing, ...incoming];
  const word = [...XORSHIFT, ...[0x4c, 0x89, 0x4c, 0xcf, 0xf8], 0xff, 0xc9]; // mov [rdi + rcx * 8 - 8], r9; dec ecx
  const page = [
    ...[0x48, 0x8b, 0x3e, 0x48, 0x83, 0xc6, 8], // mov rdi, [rsi]; add rsi, 8
    ...[0xb9, ...bytes32(PAGE_BYTES / 8)], // mov ecx, words
    ...word,
    ...[0x75, 256 - (word.length + 2)], // jnz
  ];
  const powerOfTwo = 2 ** Math.floor(Math.log2(data.length * PAGE_BYTES));
  const index = [0x44, 0x89, 0xc8, 0x25, ...bytes32(powerOfTwo - 8), 0x89, 0x07]; // mov eax, r9d; and eax, mask; mov [rdi], eax
  const indices = [0x4c, 0x89, 0x0f]; // mov [rdi], r9
  const round = [
    ...XORSHIFT,
    ...(where === 'packets' ? index : indices),
    ...[0xb9, ...bytes32(FAST_SIGNAL_EVENT), 0xba, ...bytes32(connectionId), 0x45, 0x31, 0xc0], // mov ecx, call; mov edx, connection; xor r8d, r8d
    ...OUT_HYPERCALL,
  ];
  const rest = [
    ...seedR9(seed),
    ...countR11(pages.length),
    ...untilR11(page),
    ...[0x48, 0xbf, ...bytes64(mapped(control))], // mov rdi, control page
    ...countR11(rounds),
    ...untilR11(round),
    ...RETURN_EINVAL,
  ];
  // The pages' addresses stand behind the code.
  return [...[0x48, 0x8d, 0x35, ...bytes32(rest.length)], ...rest, ...pages.flatMap((gpn) => bytes64(mapped(gpn)))]; // lea rsi, [rip + rest]
}

/** Fills this CPU's page of messages and its page of event flags with noise, again and again. */
export function scribbleOverSynic(times: number, seed: bigint): number[] {
  const fill = (msr: number): number[] => {
    const words = [
      ...XORSHIFT,
      ...[0x4c, 0x89, 0x4c, 0xc8, 0xf8], // mov [rax + rcx * 8 - 8], r9
      ...[0xff, 0xc9], // dec ecx
    ];
    return [
      ...[0xb9, ...bytes32(msr), 0x0f, 0x32], // mov ecx, msr; rdmsr
      ...[0x48, 0xc1, 0xe2, 32, 0x48, 0x09, 0xd0], // shl rdx, 32; or rax, rdx
      ...[0x48, 0x25, 0x00, 0xf0, 0xff, 0xff], // and rax, -4096
      ...[0x48, 0xba, ...bytes64(DIRECT_MAP), 0x48, 0x01, 0xd0], // mov rdx, DIRECT_MAP; add rax, rdx
      ...[0xb9, ...bytes32(512)], // mov ecx, 512
      ...words,
      ...[0x75, 256 - (words.length + 2)], // jnz
    ];
  };
  return [...seedR9(seed), ...countR11(times), ...untilR11([...fill(SIMP), ...fill(SIEFP)]), ...RETURN_EINVAL];
}

/**
 * Hypercalls with noise for everything: which call, fast or not, how many repetitions and from where, and inputs and outputs anywhere
 * below `memoryBytes`, a power of two.
 */
export function randomHypercalls(count: number, seed: bigint, memoryBytes: number): number[] {
  // Call codes below 256, the fast bit, and counts that are not always zero (TLFS, "Hypercall Inputs").
  const meaningful = 0x0003_0003_0001_00ffn;
  const body = [
    ...XORSHIFT,
    ...[0x48, 0xb9, ...bytes64(meaningful), 0x4c, 0x21, 0xc9], // mov rcx, meaningful; and rcx, r9
    ...XORSHIFT,
    ...[0x4c, 0x89, 0xca, 0x48, 0x81, 0xe2, ...bytes32(memoryBytes - 8)], // mov rdx, r9; and rdx, memoryBytes - 8
    ...[0x4d, 0x89, 0xc8, 0x49, 0xc1, 0xe8, 24], // mov r8, r9; shr r8, 24
    ...[0x49, 0x81, 0xe0, ...bytes32(memoryBytes - 8)], // and r8, memoryBytes - 8
    ...OUT_HYPERCALL,
  ];
  return [...seedR9(seed), ...countR11(count), ...untilR11(body), ...RETURN_EINVAL];
}
