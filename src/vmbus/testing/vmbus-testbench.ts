import { PlainGuestMemory } from '../../hyperv/testing/index.ts';
import type { Tap } from '../../hyperv/index.ts';
import type { VmbusLogEntry } from '../event-log.ts';
import type { VmbusPort } from '../port.ts';
import type { VmbusRecorder } from '../recorder.ts';
import { VmbusServer } from '../server.ts';
import type { ProtocolVersion } from '../version.ts';
import { PageAllocator } from '../client/page-allocator.ts';
import { VmbusGuest } from '../client/vmbus-guest.ts';

export interface TestbenchOptions {
  readonly vpCount?: number;
  readonly maxVersion?: ProtocolVersion;
  readonly memory?: PlainGuestMemory;
  readonly tap?: Tap<VmbusRecorder>;
}

/** One thing that the host did towards the guest. */
export type HostAction =
  | { readonly kind: 'message'; readonly vp: number; readonly payload: Uint8Array }
  | { readonly kind: 'flag'; readonly vp: number; readonly flag: number };

/** Pages of the default 16 MiB that the guest's rings come from. */
const RING_PAGES = { gpn: 0x400, pageCount: 0x800 };

/** More turns than any honest exchange needs: two sides that never come to rest are a bug. */
const MAX_TURNS = 100_000;

/**
 * A VMBus server, a guest and its memory, wired up without a hypervisor. The host's messages and flags wait in order, as in
 * a SynIC, until {@link settle} hands them over; nothing calls back into the server while it works.
 */
export class VmbusTestbench {
  readonly memory: PlainGuestMemory;
  readonly server: VmbusServer;
  readonly log: VmbusLogEntry[] = [];
  readonly pages = new PageAllocator(RING_PAGES);
  /** What the host did that hasn't reached the guest. */
  readonly waiting: HostAction[] = [];
  /** How many messages and event flags the host has sent. */
  readonly counts = { messages: 0, flags: 0 };
  /** False: the guest takes nothing out of its SynIC pages. */
  guestListens = true;
  #guest: VmbusGuest;
  /** How often a guest has connected. */
  connections = 0;
  #scheduled: (() => void)[] = [];
  #settling = false;

  constructor({ vpCount = 2, maxVersion, memory = new PlainGuestMemory(), tap }: TestbenchOptions = {}) {
    this.memory = memory;
    const options = { memory, vpCount, port: this.#port(), ...(tap === undefined ? {} : { tap }) };
    this.server = new VmbusServer(maxVersion === undefined ? options : { ...options, maxVersion });
    this.#guest = this.#newGuest();
  }

  /** The kernel that runs now. */
  get guest(): VmbusGuest {
    return this.#guest;
  }

  /** Another kernel takes over without a word of the one before. */
  restartGuest(): VmbusGuest {
    this.#guest.forget();
    this.#guest = this.#newGuest();
    return this.#guest;
  }

  /** Runs what the host has scheduled and hands over what it has sent until nothing is left. */
  settle(): void {
    if (this.#settling) return;
    this.#settling = true;
    try {
      for (let turn = 0; this.#step(); turn += 1) {
        if (turn > MAX_TURNS) throw new Error('host and guest never come to rest');
      }
    } finally {
      this.#settling = false;
    }
  }

  #step(): boolean {
    const action = this.guestListens ? this.waiting.shift() : undefined;
    if (action?.kind === 'message') this.#guest.messageArrived(action.payload);
    else if (action?.kind === 'flag') this.#guest.eventFlag(action.flag);
    if (action !== undefined) return true;
    const work = this.#scheduled.shift();
    work?.();
    return work !== undefined;
  }

  #newGuest(): VmbusGuest {
    const hypercalls = {
      postMessage: (connectionId: number, messageType: number, payload: Uint8Array): number =>
        this.server.handlePost(connectionId, messageType, payload.slice()),
      signalEvent: (connectionId: number, flag: number): number => this.server.handleSignal(connectionId, flag),
    };
    return new VmbusGuest({ memory: this.memory, hypercalls, pages: this.pages, settle: () => this.settle() });
  }

  #port(): VmbusPort {
    return {
      postMessage: (vp, _messageType, payload) => {
        this.counts.messages += 1;
        this.waiting.push({ kind: 'message', vp, payload: payload.slice() });
      },
      pendingMessages: () => this.waiting.filter(({ kind }) => kind === 'message').length,
      discardMessages: () => {
        this.waiting.length = 0;
      },
      signalEvent: (vp, flag) => {
        this.counts.flags += 1;
        this.waiting.push({ kind: 'flag', vp, flag });
      },
      connected: () => void (this.connections += 1),
      schedule: (work) => this.#scheduled.push(work),
      log: (entry) => this.log.push(entry),
    };
  }
}
