import type { InterruptRequest } from '../interrupt-tokens.ts';
import type { Slot } from '../slot.ts';
import { GUEST_MESSAGES, type GuestMessageName } from './guest-messages.ts';
import { encodeDescriptor } from './msi-descriptors.ts';
import { MSI_TOKEN } from './structures.ts';
import { VpciVersion } from './version.ts';

/** The fixed part of a guest's message with its type filled in, as front ends send it. */
type Values<N extends GuestMessageName> = Omit<
  Partial<ReturnType<(typeof GUEST_MESSAGES)[N]['layout']['decode']>>,
  'type'
>;

export function encodeRequest<N extends GuestMessageName>(name: N, values: Values<N>): Uint8Array<ArrayBuffer> {
  const { layout, messageType } = GUEST_MESSAGES[name];
  return layout.encode({ ...values, type: messageType });
}

/** The form of CREATE_INTERRUPT that belongs to a version. */
export function encodeCreateInterrupt(
  version: VpciVersion,
  slot: Slot,
  request: InterruptRequest,
): Uint8Array<ArrayBuffer> {
  if (version >= VpciVersion.V1_4)
    return encodeRequest('CREATE_INTERRUPT3', { slot, interrupt: encodeDescriptor(request, 3) });
  if (version >= VpciVersion.V1_2)
    return encodeRequest('CREATE_INTERRUPT2', { slot, interrupt: encodeDescriptor(request, 2) });
  return encodeRequest('CREATE_INTERRUPT', { slot, interrupt: encodeDescriptor(request, 1) });
}

/** `vectorCount` as guests send it: Linux echoes what CREATE_INTERRUPT was completed with. */
export function encodeDeleteInterrupt(
  slot: Slot,
  token: { readonly address: bigint; readonly data: number; readonly vectorCount: number },
): Uint8Array<ArrayBuffer> {
  return encodeRequest('DELETE_INTERRUPT', { slot, interrupt: MSI_TOKEN.encode(token) });
}
