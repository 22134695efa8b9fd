import type { GuestMemory, GuestPage, Guid, Tap } from '../hyperv/index.ts';
import { NO_INTERRUPT_VP, signalConnectionId } from './addresses.ts';
import type { GpadlRange } from './gpadl.ts';
import type { OpenChannel as OpenChannelMessage } from './messages/decode-guest-message.ts';
import { OFFERCHANNEL, RESCIND_CHANNELOFFER } from './messages/from-host.ts';
import type { Offer, OfferSpec, OfferState } from './offer.ts';
import { OpenChannel } from './open-channel.ts';
import { ChannelFault } from './packet-channel.ts';
import type { ChannelIdentity, VmbusRecorder } from './recorder.ts';
import { Refusal, RefusalCode } from './refusal.ts';
import { IncomingRing } from './rings/incoming-ring.ts';
import { OutgoingRing } from './rings/outgoing-ring.ts';
import { MIN_RING_PAGES, RingMemory } from './rings/ring-memory.ts';

const PAGE_SIZE_BYTES = 4096;

/** What a channel needs of the server it belongs to. */
export interface ChannelServer {
  readonly memory: GuestMemory;
  readonly tap: Tap<VmbusRecorder>;
  /** Sends to the connected guest. */
  post(message: Uint8Array): void;
  signalEvent(vp: number, relid: number): void;
  schedule(work: () => void): void;
  log(severity: 'info' | 'warning', code: string, text: string): void;
  /** The guest must hear no more of it: pending requests are answered before RESCIND. */
  rescinding(channel: Channel): void;
  /** The offer is over; its relid and instance are free. */
  released(channel: Channel): void;
}

/** One offer and the channel that the guest may open on it: the state machine of {@link OfferState}. */
export class Channel implements Offer {
  readonly relid: number;
  readonly interfaceId: Guid;
  readonly instanceId: Guid;
  readonly #identity: ChannelIdentity;
  readonly #device: OfferSpec['device'];
  readonly #server: ChannelServer;
  #state: OfferState;
  #running: OpenChannel | undefined;
  #targetVp: number = NO_INTERRUPT_VP;
  #ringGpadl: number | undefined;

  constructor(relid: number, spec: OfferSpec, server: ChannelServer, state: 'queued' | 'unannounced') {
    this.relid = relid;
    this.interfaceId = spec.interfaceId;
    this.instanceId = spec.instanceId;
    const { interfaceId, instanceId, name = '' } = spec;
    this.#identity = { relid, interfaceId, instanceId, name };
    this.#device = spec.device;
    this.#server = server;
    this.#state = state;
  }

  get state(): OfferState {
    return this.#state;
  }

  /** VP of the open channel's event flag. */
  get targetVp(): number {
    return this.#targetVp;
  }

  /** Handle of the GPADL that the open channel's rings are in. */
  get ringGpadl(): number | undefined {
    return this.#ringGpadl;
  }

  get running(): OpenChannel | undefined {
    return this.#running;
  }

  /** Whether the connected guest may name this relid in a message. */
  get known(): boolean {
    return (
      this.#state === 'offered' || this.#state === 'open' || this.#state === 'faulted' || this.#state === 'rescinded'
    );
  }

  /** The older offer of the instance is gone. */
  unqueue(): void {
    if (this.#state === 'queued') this.#become('unannounced');
  }

  /** Sends the offer to a guest that doesn't know it yet. */
  announce(): void {
    if (this.#state !== 'unannounced') return;
    this.#become('offered');
    const { relid, interfaceId, instanceId } = this;
    const dedicatedInterrupt = 1;
    this.#server.post(
      OFFERCHANNEL.encode({
        relid,
        interfaceId,
        instanceId,
        dedicatedInterrupt,
        signalConnectionId: signalConnectionId(relid),
      }),
    );
  }

  /**
   * Opens the channel over the ring GPADL. `answer` is called between the channel being there for the guest's signals and
   * the provider hearing of it, so that nothing the provider sends comes before OPENCHANNEL_RESULT.
   */
  open(
    message: OpenChannelMessage,
    ranges: readonly GpadlRange[] | undefined,
    answer: () => void,
  ): Refusal | undefined {
    if (this.#state !== 'offered') return this.#wrongState('OPENCHANNEL');
    const rings = this.#rings(message, ranges);
    if (rings instanceof Refusal) return rings;
    const running = new OpenChannel({
      ...rings,
      device: this.#device,
      identity: this.#identity,
      tap: this.#server.tap,
      signalGuest: () => this.#signal(),
      schedule: (work) => this.#server.schedule(work),
      onFault: (reason) => this.#faulted(reason),
    });
    this.#running = running;
    this.#targetVp = message.targetVp;
    this.#ringGpadl = message.ringGpadl;
    this.#become('open');
    this.#server.log('info', 'VMBUS_CHANNEL_OPENED', `${this.#name()} opened, interrupts on VP ${message.targetVp}`);
    answer();
    running.start(message.userData);
    return undefined;
  }

  close(): Refusal | undefined {
    // A guest that hears of a rescind closes first.
    if (this.#state === 'rescinded') return undefined;
    if (this.#state !== 'open' && this.#state !== 'faulted') return this.#wrongState('CLOSECHANNEL');
    const reason = 'the guest closed the channel';
    this.#become('offered', reason);
    this.#end(reason);
    return undefined;
  }

  modify(targetVp: number): Refusal | undefined {
    if (this.#state !== 'open') return this.#wrongState('MODIFYCHANNEL');
    this.#targetVp = targetVp;
    return undefined;
  }

  /** The guest takes the rings' memory back while the channel is open. */
  ringsTornDown(): void {
    this.#faulted('the guest tore its rings down without closing the channel');
  }

  rescind(): void {
    const { known } = this;
    if (this.#state === 'rescinded' || this.#state === 'released') return;
    if (known) {
      this.#become('rescinded');
      this.#server.rescinding(this);
      this.#server.post(RESCIND_CHANNELOFFER.encode({ relid: this.relid }));
      this.#end('the offer was rescinded');
    } else {
      this.#release();
    }
  }

  /** RELID_RELEASED. */
  letGo(): Refusal | undefined {
    if (this.#state === 'rescinded') this.#release();
    else if (this.#state === 'offered') this.#become('let-go');
    else return this.#wrongState('RELID_RELEASED');
    return undefined;
  }

  /** The guest that knew of the offer is gone, or has forgotten all. */
  disconnect(reason: string): void {
    if (this.#state === 'rescinded') {
      this.#release();
    } else if (this.known || this.#state === 'let-go') {
      this.#become('unannounced', reason);
      this.#end(reason);
    }
  }

  #rings(
    { relid, ringGpadl, downstreamPageOffset }: OpenChannelMessage,
    ranges: readonly GpadlRange[] | undefined,
  ): { incoming: IncomingRing; outgoing: OutgoingRing } | Refusal {
    const invalid = (text: string): Refusal =>
      new Refusal(RefusalCode.ringInvalid, `OPENCHANNEL for relid ${relid}: ${text}`);
    if (ranges === undefined)
      return new Refusal(
        RefusalCode.unknownGpadl,
        `OPENCHANNEL for relid ${relid} with GPADL ${ringGpadl}, which isn't the channel's`,
      );
    const [range] = ranges;
    if (range === undefined || ranges.length !== 1)
      return invalid(`its GPADL has ${ranges.length} ranges instead of one`);
    const { gpns, byteOffset, byteCount } = range;
    if (byteOffset !== 0 || byteCount % PAGE_SIZE_BYTES !== 0) {
      return invalid(`its GPADL has ${byteCount} bytes from ${byteOffset} on, not whole pages`);
    }
    if (downstreamPageOffset < MIN_RING_PAGES || downstreamPageOffset > gpns.length - MIN_RING_PAGES) {
      return invalid(
        `rings split at page ${downstreamPageOffset} of ${gpns.length} have less than ${MIN_RING_PAGES} pages`,
      );
    }
    const pages: GuestPage[] = [];
    for (const gpn of gpns) {
      const page = this.#server.memory.page(gpn);
      if (page === undefined) return invalid(`page 0x${gpn.toString(16)} is no RAM any more`);
      pages.push(page);
    }
    try {
      return {
        incoming: new IncomingRing(new RingMemory(pages.slice(0, downstreamPageOffset))),
        outgoing: new OutgoingRing(new RingMemory(pages.slice(downstreamPageOffset))),
      };
    } catch (error) {
      if (!(error instanceof ChannelFault)) throw error;
      return invalid(error.message);
    }
  }

  #faulted(reason: string): void {
    this.#become('faulted', reason);
    this.#server.log('warning', 'VMBUS_CHANNEL_FAULT', `${this.#name()} ended: ${reason}`);
    this.#end(reason);
  }

  /** The state has been changed before: the device may act on the offer while it hears of the end. */
  #end(reason: string): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    this.#targetVp = NO_INTERRUPT_VP;
    this.#ringGpadl = undefined;
    running.stop();
    this.#device.closed(reason);
  }

  #release(): void {
    this.#become('released');
    this.#server.released(this);
    this.#device.released();
  }

  #become(state: OfferState, why = ''): void {
    this.#state = state;
    this.#server.tap.recorder?.channelBecame(this.#identity, state, why);
  }

  #signal(): void {
    if (this.#targetVp !== NO_INTERRUPT_VP) this.#server.signalEvent(this.#targetVp, this.relid);
  }

  #wrongState(message: string): Refusal {
    return new Refusal(RefusalCode.wrongState, `${message} for relid ${this.relid}, which is ${this.#state}`);
  }

  #name(): string {
    return `channel ${this.relid} (${this.instanceId})`;
  }
}
