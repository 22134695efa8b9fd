import { type Defect, defectsOf } from './defect.ts';

const DIRECTORY = 'src/hyperv';

export const hypervDefects: readonly Defect[] = [
  ...defectsOf('hypercalls', DIRECTORY, [
    [
      'hypercall-control.ts',
      'reserved bits are let through',
      'reservedBitsSet: (control & RESERVED) !== 0n',
      'reservedBitsSet: false',
    ],
    [
      'hypercalls.ts',
      'the size of a message is one too large',
      'payloadSize > MAX_MESSAGE_PAYLOAD_BYTES)',
      'payloadSize > MAX_MESSAGE_PAYLOAD_BYTES + 1)',
    ],
    [
      'hypercalls.ts',
      'input is fetched a second time, after it was checked',
      'return fits ? bytes : HypercallStatus.INVALID_ALIGNMENT;',
      'if (fits) memory.copyOut(gpa, bytes);\n  return fits ? bytes : HypercallStatus.INVALID_ALIGNMENT;',
    ],
    [
      'hypercalls.ts',
      'fast input may be longer than two registers',
      'sizeBytes > MAX_FAST_INPUT_BYTES',
      'sizeBytes > 4096',
    ],
    ['retarget-interrupt.ts', 'one VP too many', 'vps.every((vp) => vp < vpCount)', 'vps.every((vp) => vp <= vpCount)'],
    [
      'retarget-interrupt.ts',
      'banks that are announced need not be there',
      'view.byteLength !== RETARGET_INPUT_WITH_SET.sizeBytes + banks.length * 8',
      'view.byteLength > RETARGET_INPUT_WITH_SET.sizeBytes + banks.length * 8',
    ],
    ['retarget-interrupt.ts', 'vectors of the CPU are let through', 'vector < FIRST_VALID_VECTOR ||', ''],
  ]),
  ...defectsOf('synic', DIRECTORY, [
    [
      'page-register.ts',
      'a page number is cut to 32 bits',
      'return gpn > MAX_GPN ? undefined : this.#memory.page(Number(gpn));',
      'return this.#memory.page(Number(BigInt.asUintN(32, gpn)));',
    ],
    ['page-register.ts', 'a page that is no RAM is forgotten, not refused', "return 'refused';", "return 'kept';"],
    ['msrs.ts', 'a refused page is told as accepted', "return outcome !== 'refused';", 'return true;'],
    ['hypercall-page.ts', 'a nameless guest gets hypercalls', 'this.#guestOsId === 0n ? value & ~1n : value', 'value'],
    ['crash.ts', 'the text of a guest goes to a terminal as it is', ".replaceAll(/[^\\P{C}\\n\\t]/gu, '\\ufffd')", ''],
    ['crash.ts', 'every report is listened to', 'this.#reportCount >= MAX_CRASH_REPORTS', 'this.#reportCount >= 1000'],
    [
      'guest-os.ts',
      'a system that nobody knows',
      '?? `open source system ${type}`',
      "?? (undefined as unknown as string).concat('')",
    ],
    [
      'synic.ts',
      'a vector of the CPU',
      'vectorOf(value) < FIRST_VALID_VECTOR',
      'vectorOf(value) < FIRST_VALID_VECTOR - 1',
    ],
    [
      'synic.ts',
      'a message is delivered again and again',
      'sint.messages.shift();',
      'if (sint.messages.length > 1) sint.messages.shift();',
    ],
  ]),
];
