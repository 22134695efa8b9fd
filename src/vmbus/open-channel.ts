import type { Tap } from '../hyperv/index.ts';
import { type ChannelDevice, ChannelFault, type PacketChannel } from './packet-channel.ts';
import type { ChannelIdentity, VmbusRecorder } from './recorder.ts';
import type { IncomingRing } from './rings/incoming-ring.ts';
import type { OutgoingPacket, OutgoingRing } from './rings/outgoing-ring.ts';

/** Work done per turn before other work of the thread gets its chance. */
export const PACKETS_PER_TURN = 64;

/** What waits in the host for room in the ring. A guest that doesn't read while the host has this much to say is broken. */
export const SEND_QUEUE_LIMITS = { packets: 256, bytes: 256 * 1024 } as const;

export interface OpenChannelParts {
  readonly incoming: IncomingRing;
  readonly outgoing: OutgoingRing;
  readonly device: ChannelDevice;
  readonly identity: ChannelIdentity;
  readonly tap: Tap<VmbusRecorder>;
  /** Sets the channel's event flag and interrupts its VP. */
  readonly signalGuest: () => void;
  /** Runs `work` in a later turn of this thread. */
  readonly schedule: (work: () => void) => void;
  /** The guest broke the ring's rules; the channel has stopped. Never called from within a send. */
  readonly onFault: (reason: string) => void;
}

/**
 * An open channel's life: packets from the ring to the provider, the provider's packets to the ring, signals both ways.
 * It never waits: what can't go on now goes on at the guest's next signal.
 */
export class OpenChannel implements PacketChannel {
  readonly #parts: OpenChannelParts;
  #running = true;
  /** In {@link pump}, which looks at {@link #fault} itself when the provider has returned. */
  #pumping = false;
  #scheduled = false;
  #fault: string | undefined;
  readonly #queue: OutgoingPacket[] = [];
  #queuedBytes = 0;
  #packetsIn = 0;
  #packetsOut = 0;

  constructor(parts: OpenChannelParts) {
    this.#parts = parts;
  }

  /** For diagnostics. */
  get counters(): { readonly packetsIn: number; readonly packetsOut: number; readonly queued: number } {
    return { packetsIn: this.#packetsIn, packetsOut: this.#packetsOut, queued: this.#queue.length };
  }

  /** Tells the provider, then takes what the guest may have written already. */
  start(userData: Uint8Array): void {
    this.#turn(() => {
      this.#parts.device.opened(this, userData);
      this.#drain();
    });
  }

  /** The guest signalled: there are packets, or room for ours. */
  pump(): void {
    this.#turn(() => this.#drain());
  }

  /** Stops at once: no byte of the rings is touched any more, sends have no effect, and a fault is no news. */
  stop(): void {
    this.#running = false;
    this.#fault = undefined;
    this.#queue.length = 0;
  }

  sendInBand(payload: Uint8Array): void {
    this.#send({ kind: 'in-band', transactionId: 0n, completionRequested: false, payload });
  }

  complete(transactionId: bigint, payload: Uint8Array): void {
    this.#send({ kind: 'completion', transactionId, completionRequested: false, payload });
  }

  #turn(work: () => void): void {
    if (!this.#running || this.#pumping) return;
    this.#pumping = true;
    try {
      work();
    } catch (error) {
      if (!(error instanceof ChannelFault)) throw error;
      this.#fail(error.message);
    } finally {
      this.#pumping = false;
    }
    this.#reportFault();
  }

  #drain(): void {
    const { incoming, outgoing, device, signalGuest, tap, identity } = this.#parts;
    if (!this.#running) return;
    // While we read anyway, each signal the guest spares is an exit less.
    incoming.setSignalsWanted(false);
    for (let turn = 0; turn < PACKETS_PER_TURN; turn += 1) {
      // Room is asked for only when there is something to answer: a guest that makes room signals, which is an exit.
      if (!this.#flush() || (!incoming.isEmpty() && !outgoing.awaitRoom(this.#reservedBytes()))) {
        incoming.setSignalsWanted(true);
        return;
      }
      const result = incoming.read();
      if (result === undefined) {
        incoming.setSignalsWanted(true);
        // A packet that came before the guest could see that would never be signalled.
        if (incoming.isEmpty()) return;
        incoming.setSignalsWanted(false);
        continue;
      }
      if (result.signalWriter) signalGuest();
      this.#packetsIn += 1;
      tap.recorder?.packetFromGuest(identity, result.packet);
      device.packet(result.packet);
      if (!this.#running) return;
    }
    this.#pumpLater();
  }

  /**
   * The room for an answer. A provider's longest may be far longer than its usual, and than the ring; for such half a ring
   * will do, or each packet would wait until the guest had read the answer before. What then doesn't fit is queued.
   */
  #reservedBytes(): number {
    const { outgoing, device } = this.#parts;
    return Math.min(device.maxReplyBytes, outgoing.sizeBytes / 2);
  }

  #send(packet: OutgoingPacket): void {
    if (!this.#running) return;
    try {
      if (this.#queue.length === 0 && this.#write(packet)) return;
      // The caller may use its bytes again.
      this.#queue.push({ ...packet, payload: packet.payload.slice() });
      this.#queuedBytes += packet.payload.byteLength;
      if (this.#queue.length > SEND_QUEUE_LIMITS.packets || this.#queuedBytes > SEND_QUEUE_LIMITS.bytes) {
        throw new ChannelFault(`the guest doesn't read: ${this.#queue.length} packets wait for room in its ring`);
      }
      this.#flush();
    } catch (error) {
      if (!(error instanceof ChannelFault)) throw error;
      this.#fail(error.message);
      if (!this.#pumping) this.#parts.schedule(() => this.#reportFault());
    }
  }

  /** Writes what waits. False while some of it still does: then the guest has been asked to signal when it made room. */
  #flush(): boolean {
    for (let packet = this.#queue[0]; packet !== undefined; packet = this.#queue[0]) {
      if (!this.#parts.outgoing.awaitRoom(packet.payload.byteLength)) return false;
      if (!this.#write(packet)) return false;
      this.#queue.shift();
      this.#queuedBytes -= packet.payload.byteLength;
    }
    return true;
  }

  #write(packet: OutgoingPacket): boolean {
    const { outgoing, signalGuest, tap, identity } = this.#parts;
    if (!outgoing.fits(packet.payload.byteLength)) {
      throw new ChannelFault(`a packet of ${packet.payload.byteLength} bytes doesn't fit the ring that the guest made`);
    }
    const result = outgoing.write(packet);
    if (result === 'full') return false;
    this.#packetsOut += 1;
    tap.recorder?.packetToGuest(identity, packet);
    if (result === 'signal') signalGuest();
    return true;
  }

  #fail(reason: string): void {
    if (!this.#running) return;
    this.stop();
    this.#fault = reason;
  }

  #reportFault(): void {
    const reason = this.#fault;
    this.#fault = undefined;
    if (reason !== undefined) this.#parts.onFault(reason);
  }

  #pumpLater(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#parts.schedule(() => {
      this.#scheduled = false;
      this.pump();
    });
  }
}
