import { type Defect, defectsOf } from './defect.ts';

export const vpciDefects: readonly Defect[] = [
  ...defectsOf('vpci', 'src/vpci', [
    [
      'wire/decode-guest.ts',
      'more descriptors than there is room for',
      'descriptorCount * tail.cellBytes > room',
      'descriptorCount * tail.cellBytes > room + tail.cellBytes',
    ],
    [
      'wire/decode-guest.ts',
      'a message may be shorter than its layout',
      'payload.byteLength < layout.sizeBytes',
      'payload.byteLength + 4 < layout.sizeBytes',
    ],
    [
      'wire/msi-descriptors.ts',
      'a block of vectors may end beyond the last',
      'vector + vectorCount - 1 > GREATEST_VECTOR)',
      'vector > GREATEST_VECTOR)',
    ],
    [
      'wire/msi-descriptors.ts',
      'a list of VPs longer than its field',
      'if (vpCount > MOST_VPS)',
      'if (vpCount > MOST_VPS + 1)',
    ],
    [
      'wire/describe.ts',
      'a trace of no message',
      'if (payload.byteLength < 4) return { name: `(${payload.byteLength} bytes)`, shape: undefined };',
      '',
    ],
    [
      'bar-resources.ts',
      'large memory without a size class',
      'if (large === undefined) return',
      'if (flags === 0xffff) return',
    ],
    ['requests.ts', 'a slot with nothing in it', 'if (busFunction === undefined)', 'if (request.slot > 255)'],
    [
      'provider.ts',
      'an ejection that nobody asked for',
      "if (busFunction?.state !== 'ejecting')",
      'if (busFunction === undefined)',
    ],
    [
      'provider.ts',
      'a completion without a request',
      'if (packet.completionRequested) {',
      'if (packet.completionRequested || refused) {',
    ],
    ['bus.ts', 'a second window beside the first', 'if (this.#windowGpa !== undefined) this.leaveD0();', ''],
    [
      'bus.ts',
      'interrupts outside of D0',
      "if (this.#windowGpa === undefined) return refuse(INVALID_DEVICE_STATE, 'an interrupt asked for outside D0');",
      '',
    ],
    [
      'bus.ts',
      'a function that is gone is touched',
      "return found?.state === 'gone' ? undefined : found;",
      'return found;',
    ],
    ['config-window.ts', 'an access behind the window', '&& offset < CONFIG_WINDOW_BYTES &&', '&&'],
    [
      'interrupt-tokens.ts',
      'more messages than a function may have',
      'if (this.count(slot) + count > MAX_MESSAGES_PER_FUNCTION) return undefined;',
      '',
    ],
    ['interrupt-tokens.ts', 'a message of another slot is deleted', '|| block.slot !== slot', ''],
  ]),
];
