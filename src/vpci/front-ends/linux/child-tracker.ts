import { formatSlot, type Slot, SLOT_COUNT } from '../../slot.ts';
import type { HostMessage } from '../../wire/decode-host.ts';
import { encodeRequest } from '../../wire/encode-guest.ts';
import type { GuestPlatform } from '../guest-platform.ts';
import { type Steps, WorkQueue } from '../guest-threads.ts';
import type { HostLink } from '../host-link.ts';
import { barRoom, type Children, sameFunction } from './children.ts';
import { queryBarMasks } from './handshake.ts';
import { ProbeFailure } from './probe-failure.ts';

type Relations = Extract<HostMessage, { readonly kind: 'bus-relations' }>;
export type BarRoom = ReturnType<typeof barRoom>;

export interface ChildTrackerOptions {
  readonly platform: GuestPlatform;
  readonly link: HostLink;
  readonly numaNodes: number;
  /** The PCI core lets go of what is in the slot, if it knows it. */
  readonly removeDevice: (slot: Slot) => Steps<void>;
  /** Whether the bus has its devices already; then new functions are scanned, and no room is made for them. */
  readonly isInstalled: () => boolean;
  readonly rescan: () => Steps<void>;
}

/** Which functions the host says there are, and its requests to let go of one: worked at one after another. */
export class ChildTracker {
  readonly children: Children = new Map();
  readonly #options: ChildTrackerOptions;
  readonly #work: WorkQueue;
  readonly #ejecting = new Set<Slot>();
  #relations: Relations[] = [];
  #survey: BarRoom | undefined;
  #surveyWanted = false;
  #removing = false;

  constructor(options: ChildTrackerOptions) {
    this.#options = options;
    this.#work = new WorkQueue(options.platform.threads, 'bus work');
  }

  snapshot(): unknown {
    const children = [...this.children.values()].map(({ description: { slot, serial } }) => [slot, serial]);
    const told = this.#relations.map(({ functions }) => functions.length);
    return [children, told, this.#survey, this.#surveyWanted, [...this.#ejecting], this.#removing];
  }

  told(message: HostMessage): void {
    if (this.#removing) return;
    if (message.kind === 'bus-relations') {
      this.#relations.push(message);
      this.#work.add(() => this.#relationsWork());
    } else if (message.kind === 'eject') {
      // Nothing is answered for a slot that isn't known; a second request for one that is being ejected changes nothing.
      if (!this.children.has(message.slot) || this.#ejecting.has(message.slot)) return;
      this.#ejecting.add(message.slot);
      this.#work.add(() => this.#eject(message.slot));
    }
  }

  /** Asks which functions there are, and waits for the host to tell, however long it takes. */
  *query(): Steps<BarRoom> {
    const { link } = this.#options;
    this.#survey = undefined;
    this.#surveyWanted = true;
    link.tell(encodeRequest('QUERY_BUS_RELATIONS', {}));
    yield* link.until('relations', () => this.#survey !== undefined);
    this.#surveyWanted = false;
    // Work on a message that came before the channel ended must not find the bus gone.
    yield* this.#work.drained();
    if (this.#survey === undefined || link.ended) throw new ProbeFailure('ENODEV', 'no bus relations came');
    return this.#survey;
  }

  /** Nothing that the host says counts any more; what it has said already is worked off. */
  *stop(): Steps<void> {
    this.#removing = true;
    yield* this.#work.drained();
    this.#relations = [];
    this.#ejecting.clear();
  }

  /** After {@link stop}: the channel is open again. */
  restart(): void {
    this.#removing = false;
  }

  /** RESOURCES_RELEASED for each function that is known still, from the highest slot down, as Linux sends it. */
  releaseAll(): void {
    for (let slot = SLOT_COUNT - 1; slot >= 0; slot -= 1) {
      if (this.children.has(slot)) this.#options.link.tell(encodeRequest('RESOURCES_RELEASED', { slot }));
    }
  }

  *#relationsWork(): Steps<void> {
    const { link, platform, numaNodes, isInstalled, rescan } = this.#options;
    const newest = this.#relations.at(-1);
    this.#relations = [];
    if (newest === undefined || this.#removing) return;
    for (const description of newest.functions) {
      const { slot, virtualNumaNode = 0 } = description;
      const known = this.children.get(slot);
      if (known !== undefined && sameFunction(known.description, description)) continue;
      const barMasks = yield* queryBarMasks(link, slot, (text) => platform.log(text));
      if (barMasks === undefined) continue;
      this.children.set(slot, { description, barMasks, numaNode: virtualNumaNode < numaNodes ? virtualNumaNode : 0 });
    }
    // The PCI core isn't told: a device whose function is missing stays, and reads all ones.
    for (const [slot, { description }] of this.children) {
      if (!newest.functions.some((told) => sameFunction(told, description))) this.children.delete(slot);
    }
    if (isInstalled()) yield* rescan();
    else if (this.#surveyWanted) this.#survey ??= barRoom(this.children.values());
  }

  *#eject(slot: Slot): Steps<void> {
    yield* this.#options.removeDevice(slot);
    this.children.delete(slot);
    this.#ejecting.delete(slot);
    this.#options.link.tell(ejectionComplete(slot));
    this.#options.platform.log(`${formatSlot(slot)} ejected`);
  }
}

/** With the status that Linux sends behind the slot: success, always. */
function ejectionComplete(slot: Slot): Uint8Array {
  const payload = new Uint8Array(12);
  payload.set(encodeRequest('EJECTION_COMPLETE', { slot }));
  return payload;
}
