import { ProtocolVersion } from '../version.ts';
import type { OfferState } from '../offer.ts';

/** An offer as the rules say it should stand. */
interface ModelOffer {
  readonly relid: number;
  readonly instance: number;
  state: OfferState;
}

/**
 * The rules of offers and channels in the fewest words, to be compared with the server. GPADLs are single pages-worth
 * handles that are created whole; rings are always in order.
 */
export class OfferModel {
  offers: ModelOffer[] = [];
  connected: { requested: boolean } | undefined;
  /** Handle → relid. */
  readonly gpadls = new Map<number, number>();
  /** Relid → ring GPADL, while open. */
  readonly rings = new Map<number, number>();

  canOffer(instance: number): boolean {
    return this.offers.every((offer) => offer.instance !== instance || offer.state === 'rescinded');
  }

  offer(relid: number, instance: number): void {
    const waits = this.offers.some((offer) => offer.instance === instance);
    this.offers.push({ relid, instance, state: waits ? 'queued' : 'unannounced' });
    this.#announce();
  }

  rescind(relid: number): void {
    const offer = this.#of(relid);
    if (offer === undefined || offer.state === 'rescinded') return;
    if (this.holds(relid)) {
      offer.state = 'rescinded';
      this.rings.delete(relid);
    } else {
      this.#over(offer);
    }
  }

  connect(version: number): void {
    this.disconnect();
    if (Object.values<number>(ProtocolVersion).includes(version)) this.connected = { requested: false };
  }

  disconnect(): void {
    this.connected = undefined;
    this.gpadls.clear();
    this.rings.clear();
    for (const offer of this.offers.filter(({ state }) => state === 'rescinded')) this.#over(offer);
    for (const offer of this.offers) if (offer.state !== 'queued') offer.state = 'unannounced';
  }

  requestOffers(): void {
    if (this.connected === undefined) return;
    this.connected.requested = true;
    this.#announce();
  }

  createGpadl(relid: number, handle: number): void {
    if (this.holds(relid) && !this.gpadls.has(handle)) this.gpadls.set(handle, relid);
  }

  tearDown(relid: number, handle: number): void {
    if (!this.holds(relid) || this.gpadls.get(handle) !== relid) return;
    this.gpadls.delete(handle);
    const offer = this.#of(relid);
    if (offer?.state === 'open' && this.rings.get(relid) === handle) {
      this.rings.delete(relid);
      offer.state = 'faulted';
    }
  }

  open(relid: number, handle: number): void {
    const offer = this.#of(relid);
    if (offer?.state !== 'offered' || this.gpadls.get(handle) !== relid) return;
    offer.state = 'open';
    this.rings.set(relid, handle);
  }

  close(relid: number): void {
    const offer = this.#of(relid);
    if (offer?.state !== 'open' && offer?.state !== 'faulted') return;
    offer.state = 'offered';
    this.rings.delete(relid);
  }

  release(relid: number): void {
    const offer = this.#of(relid);
    if (offer?.state === 'rescinded') this.#over(offer);
    else if (offer?.state === 'offered') offer.state = 'let-go';
    else return;
    this.#freeGpadls(relid);
  }

  /** Whether the guest may name the relid. */
  holds(relid: number): boolean {
    const state = this.#of(relid)?.state;
    return state === 'offered' || state === 'open' || state === 'faulted' || state === 'rescinded';
  }

  #of(relid: number): ModelOffer | undefined {
    return this.offers.find((offer) => offer.relid === relid);
  }

  #over(offer: ModelOffer): void {
    this.#freeGpadls(offer.relid);
    this.offers = this.offers.filter((other) => other !== offer);
    const others = this.offers.filter(({ instance }) => instance === offer.instance);
    if (others.every(({ state }) => state !== 'rescinded'))
      for (const other of others) if (other.state === 'queued') other.state = 'unannounced';
    this.#announce();
  }

  #announce(): void {
    if (this.connected?.requested !== true) return;
    for (const offer of this.offers) if (offer.state === 'unannounced') offer.state = 'offered';
  }

  #freeGpadls(relid: number): void {
    for (const [handle, owner] of this.gpadls) if (owner === relid) this.gpadls.delete(handle);
  }
}
