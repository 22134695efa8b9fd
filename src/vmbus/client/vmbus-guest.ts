import type { GuestMemory } from '../../hyperv/index.ts';
import { PostConnection, VMBUS_MESSAGE_TYPE, VMBUS_SINT } from '../addresses.ts';
import type { Guid } from '../../hyperv/index.ts';
import * as requests from '../messages/from-guest.ts';
import { formatVersion, ProtocolVersion, SinceVersion } from '../version.ts';
import { gpadlMessages } from './gpadl-messages.ts';
import { GuestChannel, makeGuestRings } from './guest-channel.ts';
import { decodeHostMessage, type HostMessage, type HostMessageNamed } from './host-message.ts';
import type { PageAllocator } from './page-allocator.ts';

/** The hypercalls a guest makes; each returns the status. */
export interface GuestHypercalls {
  postMessage(connectionId: number, messageType: number, payload: Uint8Array): number;
  signalEvent(connectionId: number, flag: number): number;
}

export interface VmbusGuestOptions {
  readonly memory: GuestMemory;
  readonly hypercalls: GuestHypercalls;
  /** Where the rings come from. */
  readonly pages: PageAllocator;
  /** Lets the host work until it has nothing left to do for this guest. */
  readonly settle: () => void;
  /** VP for messages and channels; default 0. */
  readonly vp?: number;
}

export interface GuestOffer {
  readonly relid: number;
  readonly interfaceId: Guid;
  readonly instanceId: Guid;
  readonly signalConnectionId: number;
}

export interface OpenOptions {
  /** Pages of each ring, the header page included. Default 5, as Linux's vPCI driver. */
  readonly ringPages?: number;
  readonly targetVp?: number;
  readonly userData?: Uint8Array;
}

/** All versions, newest first, as Linux tries them (and 6.0, which it doesn't know). */
export const VERSIONS_DESCENDING: readonly ProtocolVersion[] = Object.values(ProtocolVersion).sort((a, b) => b - a);

/** Linux's first GPADL handle (drivers/hv/connection.c). */
const FIRST_GPADL = 0xe1e10;

/**
 * The guest's side of VMBus: what Linux's hv_vmbus does, as far as a front end needs it. Each operation posts, lets the host
 * work and looks for the answer; one that doesn't come is an error.
 */
export class VmbusGuest {
  /** Offers that the guest holds. */
  readonly offers = new Map<number, GuestOffer>();
  readonly channels = new Map<number, GuestChannel>();
  /** Every message from the host so far. */
  readonly messages: HostMessage[] = [];
  /** Whether a rescinded offer is given up at once, as an honest guest's driver does in the end. */
  releasesRescinded = true;
  #version: ProtocolVersion | undefined;
  #postConnectionId: number = PostConnection.messages;
  #nextGpadl = FIRST_GPADL;
  readonly #options: VmbusGuestOptions;

  constructor(options: VmbusGuestOptions) {
    this.#options = options;
  }

  get version(): ProtocolVersion | undefined {
    return this.#version;
  }

  /** Tries `versions` in turn; returns the first that the host agrees to. */
  connect(versions: readonly ProtocolVersion[] = VERSIONS_DESCENDING): ProtocolVersion {
    for (const version of versions) {
      const connectionId = version >= SinceVersion.contactSint ? PostConnection.contact : PostConnection.messages;
      const seen = this.messages.length;
      this.postOn(connectionId, this.#contact(version));
      const { supported, versionOrConnectionId } = this.#answer(seen, 'VERSION_RESPONSE', () => true);
      if (supported === 0) continue;
      this.#version = version;
      this.#postConnectionId = version >= SinceVersion.contactSint ? versionOrConnectionId : PostConnection.messages;
      return version;
    }
    throw new Error(`the host agrees to none of ${versions.map(formatVersion).join(', ')}`);
  }

  /** Asks for the offers; returns those held then. */
  requestOffers(): readonly GuestOffer[] {
    const seen = this.messages.length;
    this.post(requests.REQUESTOFFERS.encode({}));
    this.#answer(seen, 'ALLOFFERS_DELIVERED', () => true);
    return [...this.offers.values()];
  }

  /** Makes rings, describes them to the host and opens the channel. */
  open(
    relid: number,
    { ringPages = 5, targetVp = this.#options.vp ?? 0, userData = new Uint8Array(120) }: OpenOptions = {},
  ): GuestChannel {
    const offer = this.offers.get(relid);
    if (offer === undefined) throw new Error(`no offer with relid ${relid}`);
    const { memory, pages, hypercalls, settle } = this.#options;
    const gpns = pages.take(2 * ringPages);
    const rings = makeGuestRings(memory, gpns, ringPages);
    const gpadl = this.createGpadl(relid, gpns);
    const channel = new GuestChannel({
      relid,
      gpadl,
      gpns,
      rings,
      signalHost: () => hypercalls.signalEvent(offer.signalConnectionId, 0),
      settle,
      onClose: (closed) => this.#close(closed),
    });
    // Before the request, as Linux does: the host may send packets before its answer is read.
    this.channels.set(relid, channel);
    const seen = this.messages.length;
    this.post(
      requests.OPENCHANNEL.encode({
        relid,
        openId: relid,
        ringGpadl: gpadl,
        targetVp,
        downstreamPageOffset: ringPages,
        userData,
      }),
    );
    const { status } = this.#answer(seen, 'OPENCHANNEL_RESULT', (message) => message.relid === relid);
    if (status !== 0) {
      this.channels.delete(relid);
      throw new Error(`channel ${relid} doesn't open: status 0x${status.toString(16)}`);
    }
    return channel;
  }

  /** Describes whole pages to the host and waits until it has them. Returns the handle. */
  createGpadl(relid: number, gpns: readonly number[]): number {
    const gpadl = this.#nextGpadl;
    this.#nextGpadl += 1;
    const seen = this.messages.length;
    for (const message of gpadlMessages(relid, gpadl, [{ byteCount: gpns.length * 4096, byteOffset: 0, gpns }]))
      this.post(message);
    const { status } = this.#answer(seen, 'GPADL_CREATED', (message) => message.gpadl === gpadl);
    if (status !== 0) throw new Error(`GPADL ${gpadl} isn't made: status 0x${status.toString(16)}`);
    return gpadl;
  }

  tearDownGpadl(relid: number, gpadl: number): void {
    const seen = this.messages.length;
    this.post(requests.GPADL_TEARDOWN.encode({ relid, gpadl }));
    this.#answer(seen, 'GPADL_TORNDOWN', (message) => message.gpadl === gpadl);
  }

  unload(): void {
    const seen = this.messages.length;
    this.post(requests.UNLOAD.encode({}));
    this.#answer(seen, 'UNLOAD_RESPONSE', () => true);
    this.forget();
  }

  /** Drops everything without a word to the host, as a kernel that is replaced by another. */
  forget(): void {
    for (const channel of this.channels.values()) {
      channel.abandon();
      this.#options.pages.give(channel.gpns);
    }
    this.channels.clear();
    this.offers.clear();
    this.#version = undefined;
    this.#postConnectionId = PostConnection.messages;
  }

  /** Posts any bytes where this connection's messages go, and lets the host work. Throws unless the status is 0. */
  post(message: Uint8Array): void {
    this.postOn(this.#postConnectionId, message);
  }

  postOn(connectionId: number, message: Uint8Array): void {
    const status = this.#options.hypercalls.postMessage(connectionId, VMBUS_MESSAGE_TYPE, message);
    if (status !== 0) throw new Error(`HvPostMessage: status 0x${status.toString(16)}`);
    this.#options.settle();
  }

  /** The host's messages of one kind so far. */
  received<N extends HostMessage['name']>(name: N): readonly HostMessageNamed<N>[] {
    return this.messages.filter((message): message is HostMessageNamed<N> => message.name === name);
  }

  /** A message came out of the SynIC slot. */
  messageArrived(payload: Uint8Array): void {
    const message = decodeHostMessage(payload);
    this.messages.push(message);
    if (message.name === 'OFFERCHANNEL') {
      const { relid, interfaceId, instanceId, signalConnectionId } = message;
      this.offers.set(relid, { relid, interfaceId, instanceId, signalConnectionId });
    } else if (message.name === 'RESCIND_CHANNELOFFER') {
      this.#rescinded(message.relid);
    }
  }

  /** Event flag `flag` was set. */
  eventFlag(flag: number): void {
    this.channels.get(flag)?.interrupted();
  }

  #contact(version: ProtocolVersion): Uint8Array {
    const { vp = 0 } = this.#options;
    return version >= SinceVersion.contactSint
      ? requests.INITIATE_CONTACT.encode({ version, targetVp: vp, sint: VMBUS_SINT })
      : requests.INITIATE_CONTACT_BEFORE_5_0.encode({ version, targetVp: vp });
  }

  #close(channel: GuestChannel): void {
    const { relid, gpadl, gpns } = channel;
    this.channels.delete(relid);
    this.post(requests.CLOSECHANNEL.encode({ relid }));
    this.tearDownGpadl(relid, gpadl);
    this.#options.pages.give(gpns);
  }

  /** No teardown after a rescind: the host frees the GPADL at the release. */
  #rescinded(relid: number): void {
    const channel = this.channels.get(relid);
    if (channel !== undefined) {
      channel.abandon();
      this.channels.delete(relid);
      this.#options.pages.give(channel.gpns);
      this.post(requests.CLOSECHANNEL.encode({ relid }));
    }
    this.offers.delete(relid);
    if (this.releasesRescinded) this.release(relid);
  }

  release(relid: number): void {
    this.post(requests.RELID_RELEASED.encode({ relid }));
  }

  #answer<N extends HostMessage['name']>(
    seen: number,
    name: N,
    matches: (message: HostMessageNamed<N>) => boolean,
  ): HostMessageNamed<N> {
    for (const message of this.messages.slice(seen)) {
      if (isNamed(message, name) && matches(message)) return message;
    }
    throw new Error(`the host doesn't answer with ${name}`);
  }
}

function isNamed<N extends HostMessage['name']>(message: HostMessage, name: N): message is HostMessageNamed<N> {
  return message.name === name;
}
