import type { ChannelDevice, IncomingPacket, PacketChannel } from '../../vmbus/index.ts';
import { type GuestMessageName, guestMessageName } from '../wire/guest-messages.ts';

/** A packet on its way to the guest. */
export type HostPacket =
  | { readonly kind: 'in-band'; readonly payload: Uint8Array }
  | { readonly kind: 'completion'; readonly transactionId: bigint; readonly payload: Uint8Array };

/** A packet of the guest's, with the name of its message. */
export interface GuestPacket extends IncomingPacket {
  readonly name: GuestMessageName | undefined;
}

/** What a fault can do besides dealing with packets. */
export interface HostControl {
  /** Sends at once, past every fault. */
  send(packet: HostPacket): void;
  /** What is still in the guest's ring after its end: reaches a front end that has been told of it already. */
  haunt(packet: HostPacket): void;
  /** Hands a packet of the guest's to the provider, past every fault. */
  pass(packet: IncomingPacket): void;
  /** After `delayMs` of the guest's clock. Nothing happens once the channel is closed. */
  after(delayMs: number, work: () => void): void;
  eject(): void;
  /** `surprise`: the function is gone first, and reads all ones. */
  rescind(surprise?: boolean): void;
  /** BARs answer nothing any more, or again. */
  yankBars(yanked: boolean): void;
  /** What the retarget hypercall answers in place of the truth; undefined: the truth. */
  answerRetargets(status: number | undefined): void;
}

/** One way in which a host misbehaves, or only surprises. It may keep state: one for each host. */
export interface HostFault {
  /** A packet from the guest, before the provider sees it. True: it has been dealt with, and the provider doesn't see it. */
  readonly fromGuest?: (packet: GuestPacket, host: HostControl) => boolean;
  /** A packet of the provider's. What is sent in its place: itself, none, or others. `answers`: the request it completes. */
  readonly toGuest?: (
    packet: HostPacket,
    answers: GuestMessageName | undefined,
    host: HostControl,
  ) => readonly HostPacket[];
}

/**
 * A provider with faults: it stands between the channel and a provider that knows nothing of it, and alters what either of them
 * gets to see. What is shipped has no seam for this and needs none.
 */
export class FaultyHost implements ChannelDevice {
  readonly maxReplyBytes: number;
  /** What the guest has sent, in order. */
  readonly requests: GuestPacket[] = [];
  readonly #provider: ChannelDevice;
  readonly #faults: readonly HostFault[];
  readonly #control: Omit<HostControl, 'send' | 'pass'>;
  #channel: PacketChannel | undefined;
  readonly #asked = new Map<bigint, GuestMessageName | undefined>();

  constructor(provider: ChannelDevice, faults: readonly HostFault[], control: Omit<HostControl, 'send' | 'pass'>) {
    this.#provider = provider;
    this.maxReplyBytes = provider.maxReplyBytes;
    this.#faults = faults;
    this.#control = control;
  }

  opened(channel: PacketChannel, userData: Uint8Array): void {
    this.#channel = channel;
    const send = (packet: HostPacket): void => this.#toGuest(packet);
    this.#provider.opened(
      {
        sendInBand: (payload) => send({ kind: 'in-band', payload }),
        complete: (transactionId, payload) => send({ kind: 'completion', transactionId, payload }),
      },
      userData,
    );
  }

  packet(packet: IncomingPacket): void {
    const named = { ...packet, name: messageName(packet) };
    this.requests.push(named);
    if (packet.completionRequested) this.#asked.set(packet.transactionId, named.name);
    const host = this.#host();
    for (const { fromGuest } of this.#faults) if (fromGuest?.(named, host) === true) return;
    host.pass(packet);
  }

  closed(reason: string): void {
    this.#channel = undefined;
    this.#provider.closed(reason);
  }

  released(): void {
    this.#provider.released();
  }

  #host(): HostControl {
    return {
      ...this.#control,
      send: (packet) => this.#send(packet),
      pass: (packet) => {
        if (this.#channel !== undefined) this.#provider.packet(packet);
      },
      after: (delayMs, work) =>
        this.#control.after(delayMs, () => {
          if (this.#channel !== undefined) work();
        }),
    };
  }

  #toGuest(packet: HostPacket): void {
    const answers = packet.kind === 'completion' ? this.#asked.get(packet.transactionId) : undefined;
    let packets: readonly HostPacket[] = [packet];
    const host = this.#host();
    for (const { toGuest } of this.#faults) {
      if (toGuest !== undefined) packets = packets.flatMap((each) => toGuest(each, answers, host));
    }
    for (const each of packets) this.#send(each);
  }

  #send(packet: HostPacket): void {
    if (packet.kind === 'in-band') this.#channel?.sendInBand(packet.payload);
    else this.#channel?.complete(packet.transactionId, packet.payload);
  }
}

function messageName({ payload }: IncomingPacket): GuestMessageName | undefined {
  if (payload.byteLength < 4) return undefined;
  return guestMessageName(new DataView(payload.buffer, payload.byteOffset).getUint32(0, true));
}
