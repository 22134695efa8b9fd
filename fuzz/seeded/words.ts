import { type Defect, defectsOf } from './defect.ts';

export const wordsDefects: readonly Defect[] = [
  ...defectsOf('words', 'src/vm/process', [
    [
      'protocol.ts',
      'bytes that are no text',
      'error instanceof SyntaxError || error instanceof TypeError',
      'error instanceof SyntaxError',
    ],
    [
      'protocol.ts',
      'text that steers a terminal',
      ".transform((words) => words.replaceAll(/[^\\P{C}\\n\\t]/gu, '\\ufffd'))",
      '',
    ],
    ['vm-service.ts', 'a reason of any length', 'held.failure = reason.slice(0, MAX_TEXT);', 'held.failure = reason;'],
    [
      'vm-service.ts',
      'a function is lent twice',
      'if (held !== undefined) {\n      if (fd',
      'if (held === undefined && name.length === 1) {\n      if (fd',
    ],
    [
      'manager-link.ts',
      'who makes no sense is listened to',
      '        this.#drop();\n        return;\n      }\n      const reply',
      '        return;\n      }\n      const reply',
    ],
    ['outbox.ts', 'what nobody reads is kept', 'this.#waiting.length >= MAX_WAITING', 'this.#waiting.length >= 1e9'],
  ]),
  ...defectsOf('api', 'src/api', [
    ['limits/bounded-body.ts', 'a body of any length', 'maxSize: MAX_BODY_BYTES,', 'maxSize: MAX_BODY_BYTES * 64,'],
    [
      'problem/request-problems.ts',
      'what schemas refuse is let through',
      'if (result.success) return;',
      'if (result.target.length > 0) return;',
    ],
    [
      'app.ts',
      'a body that is no JSON fails',
      'error instanceof HTTPException ? httpRefusal(',
      'error instanceof ApiError ? httpRefusal(',
    ],
    ['schemas/common.ts', 'a name with something behind it', '\\.[0-7]$/,', '\\.[0-7]/,'],
    [
      'routes/streams.ts',
      'a stream that did not begin keeps its place',
      'end();\n        throw error;',
      'throw error;',
    ],
    ['routes/vms.ts', 'a VM that there is not', 'if (found !== undefined) return found;', 'return found as ManagedVm;'],
  ]),
];
