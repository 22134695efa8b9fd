import type { Guid } from '../hyperv/index.ts';
import type { ChannelDevice } from './packet-channel.ts';

/**
 * Where an offer stands between host and guest.
 *
 * | state | meaning |
 * | --- | --- |
 * | queued | waits for the release of an older offer of the same instance |
 * | unannounced | no guest knows of it: none is connected, or it hasn't asked for offers yet |
 * | offered | the guest knows, the channel is closed |
 * | open | the provider talks to the guest |
 * | faulted | the guest broke the rules of its ring; nothing is served until it closes the channel |
 * | let-go | the guest gave the relid back unasked; the next connection gets the offer again |
 * | rescinded | taken back; the guest hasn't released the relid yet |
 * | released | over |
 */
export type OfferState =
  | 'queued'
  | 'unannounced'
  | 'offered'
  | 'open'
  | 'faulted'
  | 'let-go'
  | 'rescinded'
  | 'released';

/** What a provider offers. `instanceId` is unique among live offers. */
export interface OfferSpec {
  readonly interfaceId: Guid;
  readonly instanceId: Guid;
  readonly device: ChannelDevice;
  /** What people call the device, for traces. */
  readonly name?: string;
}

/** The provider's hold on its offer. */
export interface Offer {
  readonly relid: number;
  readonly interfaceId: Guid;
  readonly instanceId: Guid;
  readonly state: OfferState;
  /**
   * Takes the offer back, whatever state it is in; idempotent. An open channel ends within this call (the device hears
   * `closed`), and nothing waits for the guest: the device hears `released` when the guest has let go, which may be never.
   */
  rescind(): void;
}
