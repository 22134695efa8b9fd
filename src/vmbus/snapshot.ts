import type { Channel } from './channel.ts';
import type { Connection } from './connection.ts';
import type { GpadlTable } from './gpadl-table.ts';
import type { Guid } from '../hyperv/index.ts';
import type { OfferState } from './offer.ts';

/** One offer as it stands. Packet counts are of the open channel, 0 when it isn't open. */
export interface OfferSnapshot {
  readonly relid: number;
  readonly interfaceId: Guid;
  readonly instanceId: Guid;
  readonly state: OfferState;
  readonly targetVp: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  /** Packets of the host that wait for room in the guest's ring. */
  readonly queued: number;
}

/** VMBus at one moment, for diagnostics; a value of its own that doesn't change with VMBus. */
export interface VmbusSnapshot {
  /** The connected guest's agreement; undefined when none is connected. */
  readonly connection: Readonly<Connection> | undefined;
  readonly offers: readonly OfferSnapshot[];
  readonly gpadls: { readonly count: number; readonly pages: number };
  /** How often each log code occurred, logged or not. */
  readonly events: Readonly<Record<string, number>>;
}

export interface SnapshotSources {
  readonly connection: Connection | undefined;
  readonly offers: Iterable<Channel>;
  readonly gpadls: GpadlTable;
  readonly events: ReadonlyMap<string, number>;
}

export function takeSnapshot({ connection, offers, gpadls, events }: SnapshotSources): VmbusSnapshot {
  return {
    connection: connection === undefined ? undefined : { ...connection },
    offers: Array.from(offers, snapshotOffer),
    gpadls: { count: gpadls.count, pages: gpadls.pages },
    events: Object.fromEntries(events),
  };
}

function snapshotOffer({ relid, interfaceId, instanceId, state, targetVp, running }: Channel): OfferSnapshot {
  const { packetsIn, packetsOut, queued } = running?.counters ?? { packetsIn: 0, packetsOut: 0, queued: 0 };
  return { relid, interfaceId, instanceId, state, targetVp, packetsIn, packetsOut, queued };
}
