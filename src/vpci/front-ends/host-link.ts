import type { ClientChannel, ClientPacket } from '../../vmbus/index.ts';
import { decodeHostMessage, type HostMessage } from '../wire/decode-host.ts';
import type { Steps } from './guest-threads.ts';

/** A request that waits for its completion. */
export interface Transaction {
  readonly id: bigint;
  /** The completion's payload; undefined until it comes. */
  readonly reply: Uint8Array | undefined;
}

interface Pending extends Transaction {
  reply: Uint8Array | undefined;
}

/** As many as Linux 6.1's driver has outstanding at a time (drivers/pci/controller/pci-hyperv.c, HV_PCI_RQSTOR_SIZE). */
const MAX_OUTSTANDING = 64;

/** Linux drops packets of up to this many bytes, their header of 16 included (hv_pci_onchannelcallback). */
const LONGEST_IGNORED_PACKET_BYTES = 20;
const PACKET_HEADER_BYTES = 16;

/** How often Linux looks whether the channel it waits on was rescinded (wait_for_response). */
const RESCIND_POLL_MS = 100;

/**
 * A front end's end of its channel: transaction ids, and what becomes of packets that answer nothing. The host isn't
 * trusted to answer once, in order, at all, or at the right length.
 */
export class HostLink {
  #channel: ClientChannel | undefined;
  readonly #outstanding = new Map<bigint, Pending>();
  readonly #onMessage: (message: HostMessage) => void;
  readonly #onChange: () => void;
  readonly #dropsShortPackets: boolean;
  #ended = true;
  /** Packets from the host that meant nothing: too short, unknown, or answering nothing. */
  ignored = 0;

  /** `onMessage` hears in-band messages; `onChange` follows every packet. Linux alone drops short packets. */
  constructor(
    onMessage: (message: HostMessage) => void,
    onChange: () => void,
    { dropsShortPackets = true }: { readonly dropsShortPackets?: boolean } = {},
  ) {
    this.#onMessage = onMessage;
    this.#onChange = onChange;
    this.#dropsShortPackets = dropsShortPackets;
  }

  /** A channel that was opened just now, for the first time or after the end of the one before. */
  opened(channel: ClientChannel): void {
    this.#channel = channel;
    this.#outstanding.clear();
    this.#ended = false;
    channel.onPacket = (packet) => {
      if (channel === this.#channel) this.#received(packet);
    };
  }

  /** There is no channel yet, or it was rescinded or closed: nothing is sent any more, and nothing heard. */
  get ended(): boolean {
    return this.#ended;
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** Sends without wanting a completion. Nothing happens after the end. */
  tell(payload: Uint8Array): void {
    if (!this.#ended) this.#channel?.send({ payload });
  }

  /** Sends and wants a completion. Undefined: the channel has ended, or too many completions are due. */
  ask(payload: Uint8Array): Transaction | undefined {
    if (this.#ended || this.#outstanding.size >= MAX_OUTSTANDING) return undefined;
    let id = 1n;
    while (this.#outstanding.has(id)) id += 1n;
    const transaction: Pending = { id, reply: undefined };
    this.#outstanding.set(id, transaction);
    this.#channel?.send({ payload, transactionId: id, completionRequested: true });
    return transaction;
  }

  /** A completion that comes later answers nothing. */
  abandon(transaction: Transaction): void {
    if (this.#outstanding.get(transaction.id) === transaction) this.#outstanding.delete(transaction.id);
  }

  /** {@link ask}, and the completion, however long it takes. Undefined: the channel has ended. */
  *request(label: string, payload: Uint8Array, timeoutMs = Number.POSITIVE_INFINITY): Steps<Uint8Array | undefined> {
    const transaction = this.ask(payload);
    if (transaction === undefined) return undefined;
    for (let waitedMs = 0; transaction.reply === undefined; waitedMs += RESCIND_POLL_MS) {
      if (this.#ended || waitedMs >= timeoutMs) {
        this.abandon(transaction);
        return undefined;
      }
      yield { label, ready: () => transaction.reply !== undefined, timeoutMs: RESCIND_POLL_MS };
    }
    return transaction.reply;
  }

  /** Until `happened`, looked at after each packet; false: the channel ended first. */
  *until(label: string, happened: () => boolean): Steps<boolean> {
    while (!happened()) {
      if (this.#ended) return false;
      yield { label, ready: happened, timeoutMs: RESCIND_POLL_MS };
    }
    return true;
  }

  /** The offer was rescinded: the rings may be gone. */
  rescinded(): void {
    this.#ended = true;
    this.#onChange();
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#channel?.close();
  }

  #received({ kind, transactionId, payload }: ClientPacket): void {
    if (this.#ended) return;
    if (this.#dropsShortPackets && payload.byteLength + PACKET_HEADER_BYTES <= LONGEST_IGNORED_PACKET_BYTES) {
      this.ignored += 1;
      return;
    }
    if (kind === 'completion') {
      const transaction = this.#outstanding.get(transactionId);
      if (transaction === undefined) this.ignored += 1;
      else {
        this.#outstanding.delete(transactionId);
        transaction.reply = payload;
      }
    } else {
      const message = decodeHostMessage(payload);
      if (message === undefined) this.ignored += 1;
      else this.#onMessage(message);
    }
    this.#onChange();
  }
}
