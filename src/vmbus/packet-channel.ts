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

/**
 * The provider's end of an open channel. Sending never fails for the provider: what finds no room waits, and a guest that
 * leaves too much waiting loses the channel ({@link ChannelDevice.closed} follows, never from within a send). Once the
 * channel is closed sends have no effect. The bytes may be used again after the call.
 */
export interface PacketChannel {
  /** Sends an in-band packet with transaction id 0 and no completion requested. */
  sendInBand(payload: Uint8Array): void;
  /** Completes the guest's packet `transactionId`. */
  complete(transactionId: bigint, payload: Uint8Array): void;
}

/** What a provider gives to VMBus with its offer. Errors other than {@link ChannelFault} pass through VMBus to its caller. */
export interface ChannelDevice {
  /** The guest opened the channel; `userData` is OPENCHANNEL's 120 bytes. Exactly one {@link closed} follows. */
  opened(channel: PacketChannel, userData: Uint8Array): void;
  /**
   * One packet. It is called only while the outgoing ring can take `maxReplyBytes` of payload more, or half of it is
   * free. A thrown {@link ChannelFault} ends the channel (the guest broke the protocol).
   */
  packet(packet: IncomingPacket): void;
  readonly maxReplyBytes: number;
  /**
   * The rings are gone: the guest closed the channel, unloaded VMBus, restarted or broke the protocol, or the offer was
   * rescinded (then within that call). Unless it was rescinded it may be opened again.
   */
  closed(reason: string): void;
  /**
   * The guest let go of a rescinded offer (RELID_RELEASED, VMBus unloaded, guest restarted, or it never knew of it): the
   * instance may be offered anew. Once per rescinded offer; never for others, which the next guest to connect gets again.
   */
  released(): void;
}

/** A guest's packet that no honest guest sends: the channel ends. */
export class ChannelFault extends Error {
  override readonly name = 'ChannelFault';
}
