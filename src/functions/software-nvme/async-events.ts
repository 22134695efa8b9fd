import { LogPage } from './log-pages.ts';

/** Asynchronous event types and what they tell. NVM Express Base Specification 1.4, 5.2 and figures 145 to 148. */
export const AsyncEvent = {
  invalidDoorbellRegister: { type: 0, information: 0, logPage: LogPage.error },
  invalidDoorbellValue: { type: 0, information: 1, logPage: LogPage.error },
  temperatureThreshold: { type: 1, information: 1, logPage: LogPage.health },
} as const;
export type AsyncEvent = (typeof AsyncEvent)[keyof typeof AsyncEvent];

/** Requests that may wait at once (AERL, 0-based: 3). */
export const maxEventRequests = 4;

/** The completion's dword 0. */
type Answer = (result: number) => void;

/** Events on their way to a guest: each at most once, and no second of a type before the guest has read the first one's log page. */
export class AsyncEvents {
  readonly #waiting: Answer[] = [];
  readonly #pending = new Set<AsyncEvent>();
  readonly #unread = new Set<number>();

  /** False: too many wait already. */
  request(answer: Answer): boolean {
    if (this.#waiting.length >= maxEventRequests) return false;
    this.#waiting.push(answer);
    this.#deliver();
    return true;
  }

  /** The request was aborted. */
  forget(answer: Answer): void {
    const at = this.#waiting.indexOf(answer);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  raise(event: AsyncEvent): void {
    this.#pending.add(event);
    this.#deliver();
  }

  /** The guest has read a log page and doesn't ask to keep its event. */
  logRead(logPage: number): void {
    for (const event of Object.values(AsyncEvent)) {
      if (event.logPage === logPage) this.#unread.delete(event.type);
    }
    this.#deliver();
  }

  reset(): void {
    this.#waiting.length = 0;
    this.#pending.clear();
    this.#unread.clear();
  }

  #deliver(): void {
    for (const event of this.#pending) {
      if (this.#unread.has(event.type)) continue;
      const answer = this.#waiting.shift();
      if (answer === undefined) return;
      this.#pending.delete(event);
      this.#unread.add(event.type);
      answer(event.type | (event.information << 8) | (event.logPage << 16));
    }
  }
}
