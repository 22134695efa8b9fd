/**
 * The seam between VMBus and a virtualization service provider. The ring in guest memory is one carrier; an in-memory
 * pair is another, so front ends drive the same provider with no VM.
 */

/** A packet from the guest, copied out of the ring. `payload` is padded to a multiple of 8 by the sender. */
export interface IncomingPacket {
  readonly kind: 'in-band' | 'completion';
  readonly transactionId: bigint;
  readonly completionRequested: boolean;
  readonly payload: Uint8Array;
}

/** The provider's end of an open channel. */
export interface PacketChannel {
  /** Sends an in-band packet with transaction id 0 and no completion requested. */
  sendInBand(payload: Uint8Array): void;
  /** Completes the guest's packet `transactionId`. */
  complete(transactionId: bigint, payload: Uint8Array): void;
}

/** What a provider gives to VMBus with its offer. */
export interface ChannelDevice {
  /** The guest opened the channel; `userData` is OPENCHANNEL's 120 bytes. */
  opened(channel: PacketChannel, userData: Uint8Array): void;
  /**
   * One packet. It is called only while the outgoing ring can take `maxReplyBytes` of payload more, so that an answer
   * never fails. A thrown {@link ChannelFault} ends the channel (the guest broke the protocol).
   */
  packet(packet: IncomingPacket): void;
  readonly maxReplyBytes: number;
  /** The guest closed the channel, unloaded VMBus, or broke the protocol: the rings are gone. It may be opened again. */
  closed(reason: string): void;
  /** The guest let go of the offer after a rescind (RELID_RELEASED), or VMBus was unloaded: the instance may be offered anew. */
  released(): void;
}

/** A guest's packet that no honest guest sends: the channel ends. */
export class ChannelFault extends Error {
  override readonly name = 'ChannelFault';
}
