import { MAX_RELID, MIN_RELID } from './addresses.ts';
import { Channel, type ChannelServer } from './channel.ts';
import type { Guid } from '../hyperv/index.ts';
import type { OfferSpec } from './offer.ts';
import { VmbusError } from './vmbus-error.ts';

/** Offers that a guest may hold at a time, those counted that it hasn't released since they were rescinded. */
export const MAX_OFFERS = 256;

/** All offers that aren't over, each under a relid of its own. */
export class OfferTable implements Iterable<Channel> {
  readonly #channels = new Map<number, Channel>();
  #lastRelid = MIN_RELID - 1;

  get(relid: number): Channel | undefined {
    return this.#channels.get(relid);
  }

  [Symbol.iterator](): Iterator<Channel> {
    // A copy: offers come and go while a device hears of a change.
    return [...this.#channels.values()][Symbol.iterator]();
  }

  /** Throws a {@link VmbusError} if the instance is offered already or too much is. */
  add(spec: OfferSpec, server: ChannelServer): Channel {
    const { instanceId } = spec;
    const holders = [...this].filter((channel) => channel.instanceId === instanceId);
    if (holders.some((channel) => channel.state !== 'rescinded')) {
      throw new VmbusError(
        'VMBUS_ALREADY_OFFERED',
        `instance ${instanceId} is offered to the guest already; rescind that offer first`,
      );
    }
    if (this.#channels.size >= MAX_OFFERS) {
      throw new VmbusError(
        'VMBUS_TOO_MANY_OFFERS',
        `the guest holds ${MAX_OFFERS} offers; it must release one before instance ${instanceId} can be offered`,
      );
    }
    const channel = new Channel(this.#freeRelid(), spec, server, holders.length > 0 ? 'queued' : 'unannounced');
    this.#channels.set(channel.relid, channel);
    return channel;
  }

  /** Takes an offer that is over out; the offer that was queued behind it may go out now. */
  remove(channel: Channel): Channel | undefined {
    this.#channels.delete(channel.relid);
    if ([...this].some((other) => other.instanceId === channel.instanceId && other.state === 'rescinded'))
      return undefined;
    const next = this.#queuedFor(channel.instanceId);
    next?.unqueue();
    return next;
  }

  #queuedFor(instanceId: Guid): Channel | undefined {
    return [...this].find((channel) => channel.instanceId === instanceId && channel.state === 'queued');
  }

  /** Counts on from the last one: a relid that isn't used again at once makes traces easier to read. */
  #freeRelid(): number {
    do {
      this.#lastRelid = this.#lastRelid < MAX_RELID ? this.#lastRelid + 1 : MIN_RELID;
    } while (this.#channels.has(this.#lastRelid));
    return this.#lastRelid;
  }
}
