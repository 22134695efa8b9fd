import { type Defect, defectsOf } from './defect.ts';

export const traceDefects: readonly Defect[] = [
  ...defectsOf('trace', 'src/trace', [
    [
      'read-record.ts',
      'a record longer than its chunk',
      'if (end > chunk.byteLength || headerOf(record) === undefined) return undefined;',
      'if (headerOf(record) === undefined) return undefined;',
    ],
    [
      'read-record.ts',
      'a message may be shorter than its type',
      'payload.byteLength < 4 ? undefined',
      'payload.byteLength < 3 ? undefined',
    ],
    ['read-record.ts', 'text that steers a terminal', ".replaceAll(/\\p{C}/gu, '\\ufffd')", ''],
    [
      'format-record.ts',
      'a number that JSON has no room for',
      "if (typeof value === 'bigint') return `0x${value.toString(16)}`;\n  return value instanceof",
      'return value instanceof',
    ],
    ['record-json.ts', 'a channel without an instance', 'channel.instanceId ?? null', 'channel.instanceId as string'],
    ['pcapng.ts', 'a block that ends where it likes', 'return Math.ceil(sizeBytes / 4) * 4;', 'return sizeBytes;'],
    ['trace-ring.ts', 'what was missed is not told', 'const lost = sequence - cursor.sequence;', 'const lost = 0;'],
    [
      'recorder.ts',
      'the status of a call is written over another record',
      'if (begun === undefined || !this.#ring.holds(begun.sequence)) return;',
      'if (begun === undefined) return;',
    ],
  ]),
  ...defectsOf('trace', 'src/vpci/wire', [
    [
      'read-fields.ts',
      'more structures than there is room for',
      'const present = Math.min(count, room, tail.most);',
      'const present = Math.min(count, tail.most);',
    ],
  ]),
];
