import type { Field, Fields, Layout } from '../../src/vmbus/index.ts';
import type { Choices } from '../engine/choices.ts';

type Value = number | bigint | string | Uint8Array;

/** What a target knows of a field that the layout table doesn't; undefined: nothing. */
export type FieldValue = (name: string, field: Field, choices: Choices) => Value | undefined;

/** A message by its layout table, each field with a value that its type takes; most of them mean something. */
export function encodeChosen(
  layout: Pick<Layout<Fields>, 'fields' | 'encode'>,
  choices: Choices,
  known: FieldValue,
): Uint8Array<ArrayBuffer> {
  const values = Object.entries(layout.fields).map(([name, field]) => [
    name,
    known(name, field, choices) ?? anyValue(field, choices),
  ]);
  return layout.encode(Object.fromEntries(values));
}

function anyValue(field: Field, choices: Choices): Value {
  switch (field.type) {
    case 'u8':
    case 'u16':
    case 'u32':
      return choices.word() % 2 ** (8 * field.sizeBytes);
    case 'u64':
      return choices.long();
    case 'guid':
      return `${choices.u32().toString(16).padStart(8, '0')}-0000-0000-0000-000000000000`;
    case 'text':
      return 'text';
    case 'bytes':
      return choices.bytes(Math.min(field.sizeBytes, 16));
  }
}

/** Longer, shorter, or with some bytes changed: what a guest makes of a message that it gets wrong. */
export function garbled(message: Uint8Array, choices: Choices): Uint8Array {
  switch (choices.below(3)) {
    case 0:
      return message.slice(0, choices.below(choices.chance(128) ? 12 : message.length + 1));
    case 1: {
      const longer = new Uint8Array(message.length + choices.below(64));
      longer.set(message);
      longer.set(choices.bytes(Math.min(8, longer.length - message.length)), message.length);
      return longer;
    }
    default: {
      const bytes = Uint8Array.from(message);
      for (let times = 1 + choices.below(3); times > 0; times -= 1) bytes[choices.below(bytes.length)] = choices.byte();
      return bytes;
    }
  }
}
