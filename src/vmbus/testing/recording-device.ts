import type { ChannelDevice, IncomingPacket, PacketChannel } from '../packet-channel.ts';

/** A provider that keeps a record of what it hears, and does with packets what its `onPacket` says (nothing, by default). */
export class RecordingDevice implements ChannelDevice {
  maxReplyBytes = 64;
  onOpened: (channel: PacketChannel) => void = () => undefined;
  onPacket: (packet: IncomingPacket, channel: PacketChannel) => void = () => undefined;
  /** `opened`, `closed: <reason>`, `released`, in order. */
  readonly events: string[] = [];
  readonly packets: IncomingPacket[] = [];
  userData: Uint8Array | undefined;
  #channel: PacketChannel | undefined;

  /** The channel while it is open. */
  get channel(): PacketChannel {
    if (this.#channel === undefined) throw new Error('the channel is not open');
    return this.#channel;
  }

  opened(channel: PacketChannel, userData: Uint8Array): void {
    this.events.push('opened');
    this.userData = userData;
    this.#channel = channel;
    this.onOpened(channel);
  }

  packet(packet: IncomingPacket): void {
    this.packets.push(packet);
    this.onPacket(packet, this.channel);
  }

  closed(reason: string): void {
    this.events.push(`closed: ${reason}`);
    this.#channel = undefined;
  }

  released(): void {
    this.events.push('released');
  }
}

/** A provider that completes every packet that asks for it with the packet's own payload. */
export function echoDevice(): RecordingDevice {
  const device = new RecordingDevice();
  device.onPacket = ({ transactionId, completionRequested, payload }, channel) => {
    if (completionRequested) channel.complete(transactionId, payload);
  };
  return device;
}
