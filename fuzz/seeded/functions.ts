import { type Defect, defectsOf } from './defect.ts';

export const functionDefects: readonly Defect[] = [
  ...defectsOf('config', 'src/functions', [
    [
      'config-view.ts',
      'every bit may be written',
      'const writable = readU32(this.#layout.writable, base) & touched;',
      'const writable = touched;',
    ],
    ['config-state.ts', 'a BAR at 0', 'address === 0n || end > addressLimit', 'end > addressLimit'],
    ['config-state.ts', 'a BAR beyond every processor', 'end > addressLimit ||', ''],
    [
      'config-layout.ts',
      'an MSI-X table behind its BAR',
      'part.offsetBytes + part.sizeBytes <= bar.sizeBytes',
      'part.offsetBytes <= bar.sizeBytes',
    ],
    [
      'capability-placement.ts',
      'a list of capabilities without an end',
      'initial[offset + 1] = placed[i + 1]?.offset ?? 0;',
      'initial[offset + 1] = placed[i + 1]?.offset ?? offset;',
    ],
    [
      'config-effects.ts',
      'bus mastering stays on',
      "kind: 'bus-master', enabled: after.busMaster }",
      "kind: 'bus-master', enabled: true }",
    ],
    [
      'msix-table.ts',
      'a masked vector fires',
      '& msixVectorMasked) !== 0) return undefined;',
      '& 2) !== 0) return undefined;',
    ],
    ['msix-table.ts', 'the function mask is not looked at', '|| this.#control.functionMasked', ''],
    [
      'emulated-msix.ts',
      'an access that begins before the table',
      'return a.offsetBytes < b.offsetBytes + b.sizeBytes && b.offsetBytes < a.offsetBytes + a.sizeBytes;',
      'return b.offsetBytes >= a.offsetBytes && b.offsetBytes < a.offsetBytes + a.sizeBytes;',
    ],
    [
      'policed-function.ts',
      'an access over the end of a BAR',
      'return offset + sizeBytes <= bar.sizeBytes ?',
      'return offset <= bar.sizeBytes ?',
    ],
    ['interrupt-vectors.ts', 'messages outlive MSI', "if (this.#kind === 'msi') this.#setMessages([]);", ''],
    ['guarded-backend.ts', 'a guest fills a log with failures', 'if (failed) return;\n    failed = true;', ''],
  ]),
];
