import type { Fields, Layout } from '../../hyperv/index.ts';
import { FeatureFlag, SinceVersion } from '../version.ts';
import * as fromGuest from './from-guest.ts';
import * as fromHost from './from-host.ts';
import type { MessageType } from './message-type.ts';

/** One form of a message whose form depends on what it says. It needs its bytes, too. */
export interface MessageForm {
  readonly layout: Layout<Fields>;
  readonly when: readonly FormCondition[];
}

/** What a field of the form must be: at least, less than, or with all of these bits set. */
export interface FormCondition {
  readonly field: string;
  readonly atLeast?: number;
  readonly below?: number;
  readonly bits?: number;
}

/** The forms that are not their message's only one; the first that fits is meant. */
const CONDITIONS = new Map<unknown, readonly FormCondition[]>([
  [
    fromGuest.INITIATE_CONTACT_WITH_CLIENT,
    [
      { field: 'version', atLeast: SinceVersion.featureFlags },
      { field: 'featureFlags', bits: FeatureFlag.clientId },
    ],
  ],
  [fromGuest.INITIATE_CONTACT_BEFORE_5_0, [{ field: 'version', below: SinceVersion.contactSint }]],
]);

/** By type: every form that a message of either side can have, the longest first. */
export const MESSAGE_FORMS: ReadonlyMap<number, readonly MessageForm[]> = formsByType();

function formsByType(): Map<number, MessageForm[]> {
  const layouts: readonly (Layout<Fields> & { readonly type: MessageType })[] = [
    ...Object.values(fromGuest),
    ...Object.values(fromHost),
  ];
  const forms = new Map<number, MessageForm[]>();
  for (const layout of layouts) {
    const form = { layout, when: CONDITIONS.get(layout) ?? [] };
    forms.set(layout.type, [...(forms.get(layout.type) ?? []), form]);
  }
  for (const known of forms.values()) {
    // Of two that are as long, the one with conditions is looked at first.
    known.sort((a, b) => b.layout.sizeBytes - a.layout.sizeBytes || b.when.length - a.when.length);
  }
  return forms;
}

/** The layout of any message; the shortest form where it is too short for all; undefined: no message has that type. */
export function messageLayoutOf(message: Uint8Array): Layout<Fields> | undefined {
  if (message.byteLength < 4) return undefined;
  const forms = MESSAGE_FORMS.get(new DataView(message.buffer, message.byteOffset).getUint32(0, true));
  return (forms?.find((form) => isForm(form, message)) ?? forms?.at(-1))?.layout;
}

function isForm({ layout, when }: MessageForm, message: Uint8Array): boolean {
  if (message.byteLength < layout.sizeBytes) return false;
  const values = layout.decode(message);
  return when.every(({ field, atLeast = 0, below = Number.POSITIVE_INFINITY, bits = 0 }) => {
    const value = Number(values[field]);
    return value >= atLeast && value < below && (value & bits) === bits;
  });
}
