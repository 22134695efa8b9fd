import { MAX_MESSAGE_BYTES, MAX_RELID, MIN_RELID } from '../addresses.ts';
import type { Guid } from '../../hyperv/index.ts';
import type { Fields } from '../../hyperv/index.ts';
import { Refusal, RefusalCode } from '../refusal.ts';
import { FeatureFlag, SinceVersion } from '../version.ts';
import * as layouts from './from-guest.ts';
import type { Message, MessageLayout } from './message-layout.ts';
import { type MessageName, MessageType } from './message-type.ts';

/** INITIATE_CONTACT of any version. `sint` and `vtl` are undefined where the version doesn't carry them. */
export interface InitiateContact {
  readonly name: 'INITIATE_CONTACT';
  readonly version: number;
  readonly targetVp: number;
  readonly sint: number | undefined;
  readonly vtl: number | undefined;
  readonly featureFlags: number;
  readonly clientId: Guid | undefined;
}

/** The part of a GPADL's range buffer that came with its first message; whole 8-byte units. */
export type GpadlHeader = MessageOf<typeof layouts.GPADL_HEADER> & { readonly part: Uint8Array };
export type GpadlBody = MessageOf<typeof layouts.GPADL_BODY> & { readonly part: Uint8Array };

export type OpenChannel = MessageOf<typeof layouts.OPENCHANNEL>;

export type GuestMessage = InitiateContact | ConnectedMessage;

/** Everything that needs a connection. */
export type ConnectedMessage =
  | GpadlHeader
  | GpadlBody
  | OpenChannel
  | MessageOf<typeof layouts.REQUESTOFFERS>
  | MessageOf<typeof layouts.CLOSECHANNEL>
  | MessageOf<typeof layouts.GPADL_TEARDOWN>
  | MessageOf<typeof layouts.RELID_RELEASED>
  | MessageOf<typeof layouts.UNLOAD>
  | MessageOf<typeof layouts.OPEN_RESERVED_CHANNEL>
  | MessageOf<typeof layouts.CLOSE_RESERVED_CHANNEL>
  | MessageOf<typeof layouts.TL_CONNECT_REQUEST>
  | MessageOf<typeof layouts.MODIFYCHANNEL>;

type MessageOf<L> = L extends MessageLayout<infer N, infer F> ? Message<N, F> : never;

/**
 * Decodes what a guest posted: a message whose every field is present and whose relid and handle are possible, or the
 * reason why not. Whether they name something real is for the server. Longer messages than specified are fine.
 *
 * @param payload a private copy of the posted bytes; nothing in the result aliases it.
 */
export function decodeGuestMessage(payload: Uint8Array): GuestMessage | Refusal {
  if (payload.byteLength > MAX_MESSAGE_BYTES) {
    return new Refusal(
      RefusalCode.tooLong,
      `a message of ${payload.byteLength} bytes; at most ${MAX_MESSAGE_BYTES} fit`,
    );
  }
  if (payload.byteLength < 8) {
    return new Refusal(RefusalCode.tooShort, `a message of ${payload.byteLength} bytes; even the header has 8`);
  }
  const type = readU32(payload, 0);
  switch (type) {
    case MessageType.INITIATE_CONTACT:
      return decodeContact(payload);
    case MessageType.REQUESTOFFERS:
      return read(layouts.REQUESTOFFERS, payload);
    case MessageType.OPENCHANNEL:
      return read(layouts.OPENCHANNEL, payload);
    case MessageType.CLOSECHANNEL:
      return read(layouts.CLOSECHANNEL, payload);
    case MessageType.GPADL_HEADER:
      return withPart(read(layouts.GPADL_HEADER, payload), payload, layouts.GPADL_HEADER.sizeBytes);
    case MessageType.GPADL_BODY:
      return withPart(read(layouts.GPADL_BODY, payload), payload, layouts.GPADL_BODY.sizeBytes);
    case MessageType.GPADL_TEARDOWN:
      return read(layouts.GPADL_TEARDOWN, payload);
    case MessageType.RELID_RELEASED:
      return read(layouts.RELID_RELEASED, payload);
    case MessageType.UNLOAD:
      return read(layouts.UNLOAD, payload);
    case MessageType.OPEN_RESERVED_CHANNEL:
      return read(layouts.OPEN_RESERVED_CHANNEL, payload);
    case MessageType.CLOSE_RESERVED_CHANNEL:
      return read(layouts.CLOSE_RESERVED_CHANNEL, payload);
    case MessageType.TL_CONNECT_REQUEST:
      return read(layouts.TL_CONNECT_REQUEST, payload);
    case MessageType.MODIFYCHANNEL:
      return read(layouts.MODIFYCHANNEL, payload);
    default:
      return new Refusal(RefusalCode.unknownMessage, `message type ${type} is none that a guest sends`);
  }
}

function read<N extends MessageName, F extends Fields>(
  layout: MessageLayout<N, F>,
  payload: Uint8Array,
): Message<N, F> | Refusal {
  if (payload.byteLength < layout.sizeBytes) return shorter(layout.name, payload, layout.sizeBytes);
  const message = layout.read(payload);
  if ('relid' in layout.fields) {
    const relid = readU32(payload, layout.fields['relid']?.offset ?? 0);
    if (relid < MIN_RELID || relid > MAX_RELID) {
      return new Refusal(RefusalCode.unknownRelid, `${layout.name} for relid ${relid}, which no channel can have`);
    }
  }
  return message;
}

function decodeContact(payload: Uint8Array): InitiateContact | Refusal {
  const old = read(layouts.INITIATE_CONTACT_BEFORE_5_0, payload);
  if (old instanceof Refusal) return old;
  const { name, version, targetVp } = old;
  if (version < SinceVersion.contactSint) {
    return { name, version, targetVp, sint: undefined, vtl: undefined, featureFlags: 0, clientId: undefined };
  }
  const contact = layouts.INITIATE_CONTACT.decode(payload);
  const featureFlags = version >= SinceVersion.featureFlags ? contact.featureFlags : 0;
  const withClient = layouts.INITIATE_CONTACT_WITH_CLIENT;
  let clientId: Guid | undefined;
  if ((featureFlags & FeatureFlag.clientId) !== 0) {
    if (payload.byteLength < withClient.sizeBytes) return shorter(name, payload, withClient.sizeBytes);
    clientId = withClient.decode(payload).clientId;
  }
  const vtl = version >= SinceVersion.contactVtl ? contact.vtl : undefined;
  return { name, version, targetVp, sint: contact.sint, vtl, featureFlags, clientId };
}

function withPart<M extends { readonly gpadl: number; readonly name: string }>(
  message: M | Refusal,
  payload: Uint8Array,
  partOffset: number,
): (M & { readonly part: Uint8Array }) | Refusal {
  if (message instanceof Refusal) return message;
  if (message.gpadl === 0)
    return new Refusal(RefusalCode.badValue, `${message.name} with handle 0, which means "none"`);
  // Less than a whole unit at the end can only be padding: the range buffer is made of 8-byte units.
  const partBytes = Math.floor((payload.byteLength - partOffset) / 8) * 8;
  return { ...message, part: payload.slice(partOffset, partOffset + partBytes) };
}

function shorter(name: string, payload: Uint8Array, sizeBytes: number): Refusal {
  return new Refusal(RefusalCode.tooShort, `${name} of ${payload.byteLength} bytes; it has ${sizeBytes}`);
}

function readU32(payload: Uint8Array, offset: number): number {
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getUint32(offset, true);
}
