import type { Message, MessageLayout } from '../messages/message-layout.ts';
import * as layouts from '../messages/from-host.ts';

type MessageOf<L> = L extends MessageLayout<infer N, infer F> ? Message<N, F> : never;

/** What a host sends, decoded. `featureFlags` of VERSION_RESPONSE is there from protocol 6.0 on. */
export type HostMessage =
  | (MessageOf<typeof layouts.VERSION_RESPONSE> & { readonly featureFlags?: number })
  | MessageOf<typeof layouts.OFFERCHANNEL>
  | MessageOf<typeof layouts.RESCIND_CHANNELOFFER>
  | MessageOf<typeof layouts.ALLOFFERS_DELIVERED>
  | MessageOf<typeof layouts.OPENCHANNEL_RESULT>
  | MessageOf<typeof layouts.GPADL_CREATED>
  | MessageOf<typeof layouts.GPADL_TORNDOWN>
  | MessageOf<typeof layouts.UNLOAD_RESPONSE>
  | MessageOf<typeof layouts.CLOSE_RESERVED_RESPONSE>
  | MessageOf<typeof layouts.TL_CONNECT_RESULT>
  | MessageOf<typeof layouts.MODIFYCHANNEL_RESPONSE>;

export type HostMessageNamed<N extends HostMessage['name']> = Extract<HostMessage, { readonly name: N }>;

const BY_TYPE: ReadonlyMap<number, { read(data: Uint8Array): HostMessage }> = new Map(
  [
    layouts.OFFERCHANNEL,
    layouts.RESCIND_CHANNELOFFER,
    layouts.ALLOFFERS_DELIVERED,
    layouts.OPENCHANNEL_RESULT,
    layouts.GPADL_CREATED,
    layouts.GPADL_TORNDOWN,
    layouts.UNLOAD_RESPONSE,
    layouts.CLOSE_RESERVED_RESPONSE,
    layouts.TL_CONNECT_RESULT,
    layouts.MODIFYCHANNEL_RESPONSE,
  ].map((layout) => [layout.type, layout]),
);

/** Decodes a host's message. Throws a RangeError for what no host sends: the front end trusts its host, not its own code. */
export function decodeHostMessage(payload: Uint8Array): HostMessage {
  const type = new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getUint32(0, true);
  if (type === layouts.VERSION_RESPONSE.type) {
    const withFeatures = layouts.VERSION_RESPONSE_WITH_FEATURES;
    return payload.byteLength >= withFeatures.sizeBytes
      ? withFeatures.read(payload)
      : layouts.VERSION_RESPONSE.read(payload);
  }
  const layout = BY_TYPE.get(type);
  if (layout === undefined) throw new RangeError(`message type ${type} from the host`);
  return layout.read(payload);
}
