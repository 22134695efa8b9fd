import { type Fields, HYPERCALL_INPUTS, type Layout } from '../../hyperv/index.ts';
import { MESSAGE_FORMS } from '../../vmbus/index.ts';
import { GUEST_MESSAGES, HOST_MESSAGES, type MessageShape, REPLIES } from '../../vpci/index.ts';
import { RECORD_HEADER, RECORD_LAYOUTS } from '../record-layouts.ts';

/** A table, and what Wireshark's names of its fields begin with: `dda.vpci.EJECT` and then `.slot`. */
export interface NamedShape {
  readonly prefix: string;
  readonly shape: MessageShape;
}

/** What every record begins with. */
export const HEADER_SHAPE: NamedShape = { prefix: 'dda', shape: { layout: RECORD_HEADER } };

const headerFields = new Set(Object.keys(RECORD_HEADER.fields));

/** What each kind of record has beside that. */
export const RECORD_SHAPES: readonly NamedShape[] = Object.entries(RECORD_LAYOUTS).map(([kind, layout]) => ({
  prefix: `dda.${kind}`,
  shape: { layout: withoutHeader(layout) },
}));

/** By call code. */
export const HYPERCALL_SHAPES: ReadonlyMap<number, readonly NamedShape[]> = new Map(
  [...HYPERCALL_INPUTS].map(([code, layouts]) => [
    code,
    layouts.map((layout) => ({ prefix: `dda.hypercall.${layout.name}`, shape: { layout } })),
  ]),
);

/** By message type; in the order of {@link MESSAGE_FORMS}. */
export const MESSAGE_SHAPES: ReadonlyMap<number, readonly NamedShape[]> = new Map(
  [...MESSAGE_FORMS].map(([type, forms]) => [
    type,
    forms.map(({ layout }) => ({ prefix: `dda.vmbus.${layout.name}`, shape: { layout } })),
  ]),
);

export const GUEST_SHAPES: readonly NamedShape[] = packets(GUEST_MESSAGES, 'dda.vpci');
export const HOST_SHAPES: readonly NamedShape[] = packets(HOST_MESSAGES, 'dda.vpci');
export const REPLY_SHAPES: readonly NamedShape[] = packets(REPLIES, 'dda.vpci.completion');

function packets(messages: Readonly<Record<string, MessageShape>>, prefix: string): readonly NamedShape[] {
  return Object.entries(messages).map(([name, shape]) => ({ prefix: `${prefix}.${name}`, shape }));
}

function withoutHeader(layout: Layout<Fields>): MessageShape['layout'] {
  const fields = Object.fromEntries(Object.entries(layout.fields).filter(([name]) => !headerFields.has(name)));
  const { name, source, sizeBytes } = layout;
  return { name, source, sizeBytes, fields, decode: (data) => layout.decode(data) };
}
