import type { Fields, Layout } from '../../src/vmbus/index.ts';
import type { Part, Shape } from '../../src/vpci/wire/shape.ts';
import { BAR_RESOURCE } from '../../src/vpci/wire/structures.ts';
import type { Choices } from '../engine/choices.ts';
import { encodeChosen } from './chosen-message.ts';

/** The tables hold layouts, of which a shape shows no more than reading needs. */
export function asLayout({ layout }: Shape): Layout<Fields> {
  return layout as Layout<Fields>;
}

/** One structure in its cell, with vectors and counts that are mostly possible. */
export function encodeCell(part: Part, choices: Choices): Uint8Array {
  return encodeChosen(asLayout(part.shape), choices, (name) => {
    switch (name) {
      case 'vector':
        return choices.chance(24) ? undefined : 16 + choices.below(240);
      case 'vectorCount':
        return choices.chance(24) ? undefined : choices.chance(32) ? choices.below(34) : 1;
      case 'deliveryMode':
        return choices.chance(16) ? undefined : choices.below(2);
      case 'vpCount':
        return choices.chance(24) ? undefined : choices.below(34);
      default:
        return undefined;
    }
  });
}

/** As many structures as fit. BAR resources are mostly zeros, as Linux sends them; a token is one that was handed out. */
export function encodeParts(part: Part, sizeBytes: number, choices: Choices, messages: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  const name = part.shape.layout.name;
  if (name === 'BAR resource') {
    const count = choices.chance(160) ? 0 : 1 + choices.below(7);
    if (count > 6) return fittingBars(bytes, part.cellBytes, choices);
    for (let i = 0; i < count; i += 1) bytes.set(encodeBar(part, choices), i * part.cellBytes);
    return bytes;
  }
  if (name === 'MSI token' && !choices.chance(24)) {
    const view = new DataView(bytes.buffer);
    view.setUint32(4, 1 + choices.below(Math.max(8, messages)), true);
    view.setBigUint64(8, 0xfee9_bcd0n, true);
    return bytes;
  }
  bytes.set(encodeCell(part, choices).subarray(0, sizeBytes));
  return bytes;
}

/** What the second function of the fuzzed bus may be given: a BAR of 4 KiB and one of 8 GiB. */
function fittingBars(bytes: Uint8Array, cellBytes: number, choices: Choices): Uint8Array {
  const small = { kind: 3, address: BigInt(choices.below(16)) << 14n, lengthBytes: 0x1000 };
  const large = { kind: 7, flags: 1 << 11, address: BigInt(1 + choices.below(4)) << 33n, lengthBytes: 2 };
  bytes.set(BAR_RESOURCE.encode(small));
  bytes.set(BAR_RESOURCE.encode(large), 2 * cellBytes);
  return bytes;
}

function encodeBar(part: Part, choices: Choices): Uint8Array {
  return encodeChosen(asLayout(part.shape), choices, (name) => {
    switch (name) {
      case 'kind':
        return choices.chance(16) ? undefined : choices.pick([3, 0, 7] as const);
      case 'flags':
        return choices.chance(24) ? undefined : 1 << (9 + choices.below(3));
      case 'address':
        return choices.chance(64)
          ? undefined
          : BigInt(choices.below(64)) << BigInt(choices.pick([14, 33, 31] as const));
      case 'lengthBytes':
        return choices.chance(64) ? undefined : choices.pick([0x4000, 0x1000, 0, 2] as const);
      default:
        return undefined;
    }
  });
}
