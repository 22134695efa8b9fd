import { ChannelFault, type ChannelDevice, type IncomingPacket, type PacketChannel } from '../../src/vmbus/index.ts';
import type { Probe } from '../engine/probe.ts';

/** A provider behind a channel that answers as it is told, and notices when it hears what it must not. */
export class CheckedDevice implements ChannelDevice {
  maxReplyBytes = 64;
  /** What it does with a packet. */
  manner: 'echo' | 'silent' | 'long' | 'fault' = 'echo';
  channel: PacketChannel | undefined;
  isReleased = false;
  /** Told of each packet. */
  heard: (packet: IncomingPacket) => void = () => undefined;
  /** Told of all that it sends. */
  said: (kind: IncomingPacket['kind'], transactionId: bigint, payload: Uint8Array) => void = () => undefined;
  readonly #probe: Probe;

  constructor(probe: Probe) {
    this.#probe = probe;
  }

  get isOpen(): boolean {
    return this.channel !== undefined;
  }

  opened(channel: PacketChannel, userData: Uint8Array): void {
    this.#probe.check(this.channel === undefined, 'a channel was opened twice');
    this.#probe.check(!this.isReleased, 'a channel was opened after its release');
    this.#probe.check(userData.byteLength === 120, () => `${userData.byteLength} bytes of user data`);
    this.channel = channel;
  }

  packet(packet: IncomingPacket): void {
    this.#probe.step();
    this.#probe.check(this.channel !== undefined, 'a packet came through a closed channel');
    this.#probe.check(packet.payload.byteLength % 8 === 0, () => `a payload of ${packet.payload.byteLength} bytes`);
    this.heard(packet);
    if (this.manner === 'fault') throw new ChannelFault('the provider has had enough');
    if (this.manner === 'long') this.say(new Uint8Array(this.maxReplyBytes).fill(0xa5));
    if (this.manner !== 'silent' && packet.completionRequested) {
      this.said('completion', packet.transactionId, packet.payload);
      this.channel?.complete(packet.transactionId, packet.payload);
    }
  }

  /** Sends an in-band packet, if there is a channel. */
  say(payload: Uint8Array): void {
    if (this.channel === undefined) return;
    this.said('in-band', 0n, payload);
    this.channel.sendInBand(payload);
  }

  closed(): void {
    this.#probe.check(this.channel !== undefined, 'a channel was closed that is not open');
    this.channel = undefined;
  }

  released(): void {
    this.#probe.check(!this.isReleased, 'an offer was released twice');
    this.#probe.check(this.channel === undefined, 'an offer was released while its channel is open');
    this.isReleased = true;
  }
}
