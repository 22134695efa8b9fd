import type { GuestMemory, GuestPage } from '../../hyperv/index.ts';
import { IncomingRing } from '../rings/incoming-ring.ts';
import { OutgoingRing } from '../rings/outgoing-ring.ts';
import { PENDING_SEND_SIZE_FEATURE } from '../rings/ring-layout.ts';
import { RingMemory } from '../rings/ring-memory.ts';
import type { ClientChannel, ClientPacket, ClientRequest } from './client-channel.ts';

/** The two rings of a channel as the guest that made them sees them. */
export interface GuestRings {
  /** Guest → host. */
  readonly upstream: RingMemory;
  /** Host → guest. */
  readonly downstream: RingMemory;
}

/** Clears the pages and makes two rings of them, split at `downstreamPageOffset`, as Linux does before OPENCHANNEL. */
export function makeGuestRings(memory: GuestMemory, gpns: readonly number[], downstreamPageOffset: number): GuestRings {
  const pages = gpns.map((gpn) => clearedPage(memory, gpn));
  const upstream = new RingMemory(pages.slice(0, downstreamPageOffset));
  const downstream = new RingMemory(pages.slice(downstreamPageOffset));
  for (const ring of [upstream, downstream]) ring.storeWord('featureBits', PENDING_SEND_SIZE_FEATURE);
  return { upstream, downstream };
}

function clearedPage(memory: GuestMemory, gpn: number): GuestPage {
  const page = memory.page(gpn);
  if (page === undefined) throw new RangeError(`page ${gpn} is not RAM`);
  page.bytes.fill(0);
  return page;
}

export interface GuestChannelParts {
  readonly relid: number;
  readonly gpadl: number;
  readonly gpns: readonly number[];
  readonly rings: GuestRings;
  /** The channel's HvSignalEvent. */
  readonly signalHost: () => void;
  /** Lets the host work on what was sent. */
  readonly settle: () => void;
  readonly onClose: (channel: GuestChannel) => void;
}

/** The guest's end of an open channel over its rings. */
export class GuestChannel implements ClientChannel {
  onPacket: (packet: ClientPacket) => void = () => undefined;
  /** Every packet from the host so far. */
  readonly received: ClientPacket[] = [];
  readonly relid: number;
  readonly gpadl: number;
  readonly gpns: readonly number[];
  readonly rings: GuestRings;
  readonly outgoing: OutgoingRing;
  readonly incoming: IncomingRing;
  /** False: packets stay in the ring, as with a guest that is busy or broken. */
  reading = true;
  /** How often the guest has signalled the host. */
  signals = 0;
  #open = true;
  readonly #parts: GuestChannelParts;

  constructor(parts: GuestChannelParts) {
    const { relid, gpadl, gpns, rings } = parts;
    this.relid = relid;
    this.gpadl = gpadl;
    this.gpns = gpns;
    this.rings = rings;
    this.outgoing = new OutgoingRing(rings.upstream);
    this.incoming = new IncomingRing(rings.downstream);
    this.#parts = parts;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Writes a packet and signals if the host sleeps. Throws when the ring is full: vPCI clients don't wait for room. */
  send(request: ClientRequest): void {
    if (!this.trySend(request)) throw new Error(`the ring of channel ${this.relid} is full`);
    this.#parts.settle();
  }

  /** As {@link send}, but false when the ring is full, and the host isn't waited for. */
  trySend({ payload, transactionId = 0n, completionRequested = false }: ClientRequest): boolean {
    if (!this.#open) throw new Error(`channel ${this.relid} is closed`);
    const result = this.outgoing.write({ kind: 'in-band', transactionId, completionRequested, payload });
    if (result === 'signal') this.signal();
    return result !== 'full';
  }

  signal(): void {
    this.signals += 1;
    this.#parts.signalHost();
  }

  /** The channel's event flag was set. Reads until the ring is empty, with the host's signals off meanwhile, as Linux does. */
  interrupted(): void {
    if (!this.#open || !this.reading) return;
    do {
      this.incoming.setSignalsWanted(false);
      for (let result = this.incoming.read(); result !== undefined; result = this.incoming.read()) {
        if (result.signalWriter) this.signal();
        this.received.push(result.packet);
        this.onPacket(result.packet);
        if (!this.#open) return;
      }
      this.incoming.setSignalsWanted(true);
    } while (!this.incoming.isEmpty());
  }

  close(): void {
    if (!this.#open) return;
    this.abandon();
    this.#parts.onClose(this);
  }

  /** Stops using the rings without a word to the host. */
  abandon(): void {
    this.#open = false;
  }
}
