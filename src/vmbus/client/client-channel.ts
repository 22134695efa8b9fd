/** A packet that reached a front end; `payload` is padded to a multiple of 8, as the ring shows it. */
export interface ClientPacket {
  readonly kind: 'in-band' | 'completion';
  readonly transactionId: bigint;
  readonly payload: Uint8Array;
}

export interface ClientRequest {
  readonly payload: Uint8Array;
  /** Default 0: nothing is to be completed. */
  readonly transactionId?: bigint;
  readonly completionRequested?: boolean;
}

/** A front end's end of an open channel, whatever carries it: a ring in guest memory, or nothing but a call. */
export interface ClientChannel {
  /** Sends an in-band packet. Answers arrive at {@link onPacket}, in this call or later. */
  send(request: ClientRequest): void;
  /** Called for each packet from the host, in order. The front end sets it. */
  onPacket: (packet: ClientPacket) => void;
  /** Closes the channel, as the guest's driver does when it lets go of the device. */
  close(): void;
}
