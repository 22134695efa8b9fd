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

const bytes32 = (value: number): number[] => [...Buffer.from(Uint32Array.of(value).buffer)];
const bytes64 = (value: bigint): number[] => [...Buffer.from(BigUint64Array.of(value).buffer)];

/** The connection by which channel 0 would be signalled; channel n's is so many further on (docs/vmbus.md). */
const FIRST_CONNECTION = 0x2000;

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

/** Words of a ring's control page that say what it is: VMBus, `pending_send_sz` is supported (docs/vmbus.md). */
const RING_FEATURES_AT = 64;
/** So far a look at what is reserved there goes: a page of something else has something by then. */
const RESERVED_END = 256;
const FIRST_MIB = 0x10_0000n;
const PAGE_BYTES = 4096;
/** Of a ring of Linux's pci-hyperv: its control page, and 16 KiB. */
const RING_PAGES = 5;

/** jcc over what follows, to the end of `rest`. */
const skipIf = (condition: number, rest: readonly number[]): number[] => [0x0f, condition, ...bytes32(rest.length)];
const NOT_EQUAL = 0x85;
const EQUAL = 0x84;

/**
 * Looks through all memory for pages that look like a ring's control page, and writes noise over the whole ring, then, `rounds` times,
 * over its two indices and signals channels 1 to `channels`. Fails with EINVAL when there was one, and with ENOENT otherwise.
 * `memoryBytes`: what the guest has.
 */
export function scribbleOverRings(options: {
  readonly memoryBytes: number;
  readonly rounds: number;
  readonly channels: number;
  readonly seed: bigint;
}): number[] {
  const signals = [
    ...countR11(options.channels),
    ...untilR11([
      ...[0xb9, ...bytes32(FAST_SIGNAL_EVENT)], // mov ecx, FAST_SIGNAL_EVENT
      ...[0x44, 0x89, 0xda, 0x81, 0xc2, ...bytes32(FIRST_CONNECTION)], // mov edx, r11d; add edx, FIRST_CONNECTION
      ...[0x45, 0x31, 0xc0], // xor r8d, r8d
      ...OUT_HYPERCALL,
    ]),
  ];
  const everything = [...XORSHIFT, ...[0x4c, 0x89, 0x4c, 0xce, 0xf8], 0xff, 0xc9]; // mov [rsi + rcx * 8 - 8], r9; dec ecx
  const round = [
    ...XORSHIFT,
    ...[0x4c, 0x89, 0x0e], // mov [rsi], r9
    ...signals,
    ...[0x41, 0xff, 0xca], // dec r10d
  ];
  const noise = [
    ...[0xbf, ...bytes32(-22 >>> 0)], // mov edi, -22
    ...[0xb9, ...bytes32((RING_PAGES * PAGE_BYTES) / 8)], // mov ecx, words
    ...everything,
    ...[0x75, 256 - (everything.length + 2)], // jnz
    ...[0x41, 0xba, ...bytes32(options.rounds)], // mov r10d, rounds
    ...round,
    ...[0x0f, 0x85, ...bytes32(-(round.length + 6) >>> 0)], // jnz
  ];
  // What comes behind the features is reserved.
  const zero = [
    ...[0x83, 0x3c, 0x8e, 0x00], // cmp dword [rsi + rcx * 4], 0
    ...[0x75, 10], // jne to the page's end
    ...[0xff, 0xc1, 0x81, 0xf9, ...bytes32(RESERVED_END / 4)], // inc ecx; cmp ecx, end
  ];
  const zeroes = [
    ...[0xb9, ...bytes32(RING_FEATURES_AT / 4 + 1)], // mov ecx, 17
    ...zero,
    ...[0x72, 256 - (zero.length + 2)], // jb
  ];
  const found = [...zeroes, ...[0x81, 0xf9, ...bytes32(RESERVED_END / 4)], ...skipIf(NOT_EQUAL, noise), ...noise]; // cmp ecx, end
  const plausible = [0xa9, ...bytes32(0xffff_c007), ...skipIf(NOT_EQUAL, found), ...found]; // test eax: indices below 16 KiB, of whole words
  const moved = [0x8b, 0x06, 0x0b, 0x46, 0x04, ...skipIf(EQUAL, plausible), ...plausible]; // mov eax, [rsi]; or eax, [rsi + 4]
  const page = [
    ...[0x83, 0x7e, RING_FEATURES_AT, 0x01, ...skipIf(NOT_EQUAL, moved), ...moved], // cmp dword [rsi + 64], 1
    ...[0x48, 0x81, 0xc6, ...bytes32(PAGE_BYTES)], // add rsi, 4096
    ...[0x48, 0xb8, ...bytes64(DIRECT_MAP + BigInt(options.memoryBytes))], // mov rax, end
    ...[0x48, 0x39, 0xc6], // cmp rsi, rax
  ];
  return [
    ...seedR9(options.seed),
    ...[0x48, 0xbe, ...bytes64(DIRECT_MAP + FIRST_MIB)], // mov rsi, the second MiB
    ...[0xbf, ...bytes32(-2 >>> 0)], // mov edi, -2
    ...page,
    ...[0x0f, 0x82, ...bytes32(-(page.length + 6) >>> 0)], // jb
    ...[0x89, 0xf8, 0xc3], // mov eax, edi; ret
  ];
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
