import type { VmbusLogEntry, VmbusPort } from '../../src/vmbus/index.ts';
import type { Probe } from '../engine/probe.ts';

/** Messages of the host that a guest can hold unread, and then some: the SynIC queues as many. */
const MOST_WAITING = 1024;

/** The partition around a VMBus server, which notices when the server asks for what can't be, or for too much of it. */
export class CheckedVmbusPort implements VmbusPort {
  /** Messages that the guest hasn't taken. */
  waiting: Uint8Array[] = [];
  /** Since {@link takeCounts}. */
  messages = 0;
  flags = 0;
  readonly #probe: Probe;
  readonly #vpCount: number;
  #unseen: Uint8Array[] = [];
  readonly #scheduled: (() => void)[] = [];
  /** By code: how often it was logged since the host last offered something. */
  readonly #logged = new Map<string, number>();

  constructor(probe: Probe, vpCount: number) {
    this.#probe = probe;
    this.#vpCount = vpCount;
  }

  postMessage(vp: number, messageType: number, payload: Uint8Array): void {
    this.#probe.step();
    this.messages += 1;
    this.#probe.check(vp >= 0 && vp < this.#vpCount, () => `a message for VP ${vp}`);
    this.#probe.check(messageType === 1, () => `message type ${messageType}`);
    this.#probe.check(
      payload.byteLength >= 8 && payload.byteLength <= 240,
      () => `a message of ${payload.byteLength} bytes`,
    );
    const copy = payload.slice();
    this.waiting.push(copy);
    this.#unseen.push(copy);
    this.#probe.check(this.waiting.length <= MOST_WAITING, () => `${this.waiting.length} messages wait for the guest`);
  }

  /** What was sent since the last time, and not discarded again. */
  unseen(): readonly Uint8Array[] {
    const unseen = this.#unseen;
    this.#unseen = [];
    return unseen;
  }

  pendingMessages(): number {
    return this.waiting.length;
  }

  discardMessages(): void {
    this.waiting = [];
    this.#unseen = [];
  }

  signalEvent(vp: number, flag: number): void {
    this.#probe.step();
    this.flags += 1;
    this.#probe.check(vp >= 0 && vp < this.#vpCount, () => `an event flag for VP ${vp}`);
    this.#probe.check(flag >= 1 && flag <= 2047, () => `event flag ${flag}`);
  }

  connected(): void {
    this.#probe.step();
  }

  schedule(work: () => void): void {
    this.#scheduled.push(work);
  }

  log({ code }: VmbusLogEntry): void {
    this.#logged.set(code, (this.#logged.get(code) ?? 0) + 1);
  }

  /** The host has offered something: what follows may be logged in full again. */
  renewLog(): void {
    this.#logged.clear();
  }

  /** `occurred`: by code, how often it occurred in all. */
  checkLog(occurred: Readonly<Record<string, number>>): void {
    for (const [code, lines] of this.#logged) {
      const most = 8 + Math.log2(Math.max(1, occurred[code] ?? 0));
      this.#probe.check(lines <= most, () => `${lines} log lines for ${occurred[code]} times ${code}`);
    }
  }

  /** Later turns of the thread; each is work of its own. */
  runScheduled(mostTurns: number): void {
    for (let turn = 0; turn < mostTurns; turn += 1) {
      const work = this.#scheduled.shift();
      if (work === undefined) return;
      this.#probe.work = 0;
      work();
    }
  }

  get scheduledCount(): number {
    return this.#scheduled.length;
  }
}
