import { VMBUS_SINT } from './addresses.ts';
import type { Connection } from './connection.ts';
import type { ConnectedMessage } from './messages/decode-guest-message.ts';
import { CLOSE_RESERVED_RESPONSE, OPENCHANNEL_RESULT, TL_CONNECT_RESULT } from './messages/from-host.ts';
import { NtStatus } from './messages/nt-status.ts';
import { Refusal, RefusalCode } from './refusal.ts';
import { formatVersion, SinceVersion } from './version.ts';

export type UnservedRequest = Extract<
  ConnectedMessage,
  { readonly name: 'TL_CONNECT_REQUEST' | 'OPEN_RESERVED_CHANNEL' | 'CLOSE_RESERVED_CHANNEL' }
>;

/** `answer` is undefined where there is nobody to hear it. */
export interface UnservedAnswer {
  readonly refusal: Refusal;
  readonly answer?: { readonly vp: number; readonly message: Uint8Array };
}

/**
 * Requests that the protocol has and this host doesn't serve: sockets over VMBus, and reserved channels (which Windows opens
 * to storage when it crashes, and polls). A guest may wait for the answer, so it gets one.
 */
export function answerUnserved(
  { version, messageVp }: Connection,
  message: UnservedRequest,
  vpCount: number,
): UnservedAnswer {
  const { name } = message;
  const since = name === 'TL_CONNECT_REQUEST' ? SinceVersion.socketConnect : SinceVersion.reservedChannels;
  if (version < since) return refuse(RefusalCode.wrongVersion, `${name} in version ${formatVersion(version)}`);
  if (name === 'TL_CONNECT_REQUEST') {
    const { endpointId, serviceId } = message;
    const result = TL_CONNECT_RESULT.encode({ endpointId, serviceId, status: NtStatus.connectionRefused });
    return refuse(RefusalCode.unsupported, `${name}: no sockets are served`, { vp: messageVp, message: result });
  }
  const { relid, targetVp, targetSint } = message;
  if (targetSint !== VMBUS_SINT || targetVp >= vpCount) {
    return refuse(RefusalCode.badValue, `${name}: its answer is wanted on SINT ${targetSint} of VP ${targetVp}`);
  }
  const result =
    name === 'OPEN_RESERVED_CHANNEL'
      ? OPENCHANNEL_RESULT.encode({ relid, openId: 0, status: NtStatus.notSupported })
      : CLOSE_RESERVED_RESPONSE.encode({ relid });
  const text = `${name} for relid ${relid}: no channel can be reserved`;
  return refuse(RefusalCode.unsupported, text, { vp: targetVp, message: result });
}

function refuse(code: RefusalCode, text: string, answer?: UnservedAnswer['answer']): UnservedAnswer {
  const refusal = new Refusal(code, text);
  return answer === undefined ? { refusal } : { refusal, answer };
}
