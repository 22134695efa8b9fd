import { type ChannelDevice, ChannelFault, type PacketChannel } from '../packet-channel.ts';
import { padded } from '../rings/ring-layout.ts';
import type { ClientChannel, ClientPacket, ClientRequest } from './client-channel.ts';

const USER_DATA_BYTES = 120;

/**
 * A channel without a ring, a server or guest memory: a front end and a provider that call each other. Packets are copied
 * and padded as a ring does, and a provider that answers while it is being called finds its answer delivered after it
 * has returned, as a guest would see it.
 */
export class MemoryChannel implements ClientChannel {
  onPacket: (packet: ClientPacket) => void = () => undefined;
  /** Every packet from the host so far. */
  readonly received: ClientPacket[] = [];
  /** Why the channel is closed; undefined while it is open. */
  closedReason: string | undefined = 'never opened';
  readonly #device: ChannelDevice;
  readonly #undelivered: ClientPacket[] = [];
  #hostEnd: PacketChannel | undefined;
  #delivering = false;
  #fault: string | undefined;

  constructor(device: ChannelDevice) {
    this.#device = device;
  }

  /** Opens the channel, for the first time or again. */
  open(userData: Uint8Array = new Uint8Array(USER_DATA_BYTES)): void {
    if (this.closedReason !== undefined) this.#open(userData);
    else throw new Error('the channel is open already');
  }

  send({ payload, transactionId = 0n, completionRequested = false }: ClientRequest): void {
    if (this.closedReason !== undefined) throw new Error(`the channel is closed: ${this.closedReason}`);
    const packet = { kind: 'in-band', transactionId, completionRequested, payload: pad(payload) } as const;
    this.#guarded(() => this.#device.packet(packet));
  }

  /** The guest closes the channel; other reasons are for tests of what else ends it. */
  close(reason = 'the guest closed the channel'): void {
    if (this.closedReason !== undefined) return;
    this.closedReason = reason;
    this.#undelivered.length = 0;
    this.#device.closed(reason);
  }

  /** The offer is rescinded and the guest lets go of it. */
  release(): void {
    this.close('the offer was rescinded');
    this.#device.released();
  }

  #open(userData: Uint8Array): void {
    this.closedReason = undefined;
    this.#fault = undefined;
    this.#undelivered.length = 0;
    // A provider that keeps the end of a channel that was closed must not reach the one opened after it.
    const send = (packet: ClientPacket): void => {
      if (channel === this.#hostEnd && this.closedReason === undefined) this.#deliver(packet);
    };
    const channel: PacketChannel = {
      sendInBand: (payload) => send({ kind: 'in-band', transactionId: 0n, payload: pad(payload) }),
      complete: (transactionId, payload) => send({ kind: 'completion', transactionId, payload: pad(payload) }),
    };
    this.#hostEnd = channel;
    this.#guarded(() => this.#device.opened(channel, userData));
  }

  /** Runs the provider, then delivers what it sent; a ChannelFault closes the channel. */
  #guarded(call: () => void): void {
    const outermost = !this.#delivering;
    this.#delivering = true;
    try {
      call();
    } catch (error) {
      if (!(error instanceof ChannelFault)) throw error;
      this.#fault = error.message;
    } finally {
      if (outermost) this.#delivering = false;
    }
    if (this.#fault !== undefined) this.close(this.#fault);
    else if (outermost) this.#flush();
  }

  #deliver(packet: ClientPacket): void {
    this.#undelivered.push(packet);
    if (!this.#delivering) this.#flush();
  }

  #flush(): void {
    for (let packet = this.#undelivered.shift(); packet !== undefined; packet = this.#undelivered.shift()) {
      this.received.push(packet);
      this.onPacket(packet);
    }
  }
}

function pad(payload: Uint8Array): Uint8Array {
  const copy = new Uint8Array(padded(payload.byteLength));
  copy.set(payload);
  return copy;
}
