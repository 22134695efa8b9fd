import type { Guid } from '../hyperv/index.ts';
import type { OfferState } from './offer.ts';
import type { IncomingPacket } from './packet-channel.ts';
import type { OutgoingPacket } from './rings/outgoing-ring.ts';

/** Which channel something is of. The same object for an offer's whole life. */
export interface ChannelIdentity {
  readonly relid: number;
  readonly interfaceId: Guid;
  readonly instanceId: Guid;
  /** What people call the device behind it; empty: it has no name. */
  readonly name: string;
}

/** Hears of all that passes between guest and VMBus. It must not call back, nor keep bytes that it is given. */
export interface VmbusRecorder {
  /** A message that the guest posted, whatever becomes of it. */
  posted(connectionId: number, messageType: number, payload: Uint8Array): void;
  /** A message to the guest, as it is put into the queue of a VP. */
  sent(vp: number, messageType: number, payload: Uint8Array): void;
  /** An event flag to the guest. */
  signalled(vp: number, relid: number): void;
  /** An offer has come into another state; `why` is a sentence where there is more to say. */
  channelBecame(channel: ChannelIdentity, state: OfferState, why: string): void;
  /** A packet that was copied out of the guest's ring. */
  packetFromGuest(channel: ChannelIdentity, packet: IncomingPacket): void;
  /** A packet that was written into the guest's ring. */
  packetToGuest(channel: ChannelIdentity, packet: OutgoingPacket): void;
}
