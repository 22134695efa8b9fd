import { PostConnection, VMBUS_SINT } from './addresses.ts';
import type { Guid } from '../hyperv/index.ts';
import type { InitiateContact } from './messages/decode-guest-message.ts';
import { VERSION_RESPONSE, VERSION_RESPONSE_WITH_FEATURES } from './messages/from-host.ts';
import { Refusal, RefusalCode } from './refusal.ts';
import { formatVersion, isProtocolVersion, type ProtocolVersion, SinceVersion, SUPPORTED_FEATURES } from './version.ts';

/** What was agreed on with the guest that is connected now. */
export interface Connection {
  readonly version: ProtocolVersion;
  readonly messageVp: number;
  readonly featureFlags: number;
  readonly clientId: Guid | undefined;
  offersRequested: boolean;
}

/** The answer to an INITIATE_CONTACT: there always is one, since Linux waits for it without time-out. */
export interface Negotiation {
  readonly responseVp: number;
  readonly response: Uint8Array;
  readonly outcome: Connection | Refusal;
}

/** `connectionState` of VERSION_RESPONSE (OpenVMM vmbus_core/src/protocol.rs, ConnectionState). */
const ConnectionState = { successful: 0, unknownFailure: 2 } as const;

export interface NegotiationLimits {
  readonly maxVersion: ProtocolVersion;
  readonly vpCount: number;
}

export function negotiate(contact: InitiateContact, { maxVersion, vpCount }: NegotiationLimits): Negotiation {
  const { version, clientId } = contact;
  const messageVp = version >= SinceVersion.messageVp ? contact.targetVp : 0;
  if (messageVp >= vpCount) {
    return refused(
      0,
      ConnectionState.unknownFailure,
      RefusalCode.unknownVp,
      `messages wanted on VP ${messageVp} of ${vpCount}`,
    );
  }
  if (!isProtocolVersion(version) || version > maxVersion) {
    const text = `version ${formatVersion(version)} asked for; ${formatVersion(maxVersion)} is the newest offered`;
    return refused(messageVp, ConnectionState.successful, RefusalCode.versionUnsupported, text);
  }
  if ((contact.sint ?? VMBUS_SINT) !== VMBUS_SINT || (contact.vtl ?? 0) !== 0) {
    const text = `messages wanted on SINT ${contact.sint} of VTL ${contact.vtl ?? 0}; only SINT ${VMBUS_SINT} of VTL 0 is served`;
    return refused(messageVp, ConnectionState.unknownFailure, RefusalCode.badValue, text);
  }
  const featureFlags = contact.featureFlags & SUPPORTED_FEATURES;
  const accepted = {
    supported: 1,
    connectionState: ConnectionState.successful,
    versionOrConnectionId: version >= SinceVersion.contactSint ? PostConnection.messages : version,
  };
  const response =
    version >= SinceVersion.featureFlags
      ? VERSION_RESPONSE_WITH_FEATURES.encode({ ...accepted, featureFlags })
      : VERSION_RESPONSE.encode(accepted);
  return {
    responseVp: messageVp,
    response,
    outcome: { version, messageVp, featureFlags, clientId, offersRequested: false },
  };
}

function refused(responseVp: number, connectionState: number, code: RefusalCode, text: string): Negotiation {
  const response = VERSION_RESPONSE.encode({ supported: 0, connectionState });
  return { responseVp, response, outcome: new Refusal(code, `INITIATE_CONTACT: ${text}`) };
}
