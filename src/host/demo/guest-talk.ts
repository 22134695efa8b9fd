import { DemoError } from './demo-error.ts';
import { type GuestKey, type GuestLine, parseGuestLine } from './guest-lines.ts';

/** Of a line that is longer only this much is kept: none of the script's is. */
const LINE_LIMIT_CHARACTERS = 4096;
/** Lines that nobody has waited for yet. The script says one thing and then waits; more is noise. */
const BACKLOG_LIMIT = 32;

/** Something the guest's script said, and when the first byte of it was here (CLOCK_MONOTONIC, ns). */
export interface Said {
  readonly line: GuestLine;
  readonly firstByteNs: bigint;
}

interface Waiter {
  readonly resolve: (said: Said) => void;
  readonly reject: (error: unknown) => void;
}

/** The host's ear in the conversation with the guest's script. */
export class GuestTalk {
  readonly #decoder = new TextDecoder();
  readonly #deadlineMs: number;
  readonly #backlog: Said[] = [];
  #line = '';
  #lineStartedNs = 0n;
  #waiter: Waiter | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: { readonly deadlineMs: number }) {
    this.#deadlineMs = options.deadlineMs;
  }

  /** Takes what came from the guest's serial port; gives it as text. */
  receive(bytes: Uint8Array, nowNs: bigint): string {
    const text = this.#decoder.decode(bytes, { stream: true });
    for (const piece of text.split(/(?<=\n)/)) {
      if (this.#line === '') this.#lineStartedNs = nowNs;
      this.#line = (this.#line + piece).slice(0, LINE_LIMIT_CHARACTERS);
      if (piece.endsWith('\n')) this.#endLine();
    }
    return text;
  }

  /**
   * The next thing the script says, which must be `key`.
   * @throws DemoError `demo-guest-misspoke`, `demo-guest-problem`, `demo-guest-silent` after the deadline, and what {@link fail} was told.
   */
  async next(key: GuestKey): Promise<Said> {
    const said = await this.#nextSaid(key);
    if (said.line.key === key) return said;
    if (said.line.key === 'problem') {
      throw new DemoError('demo-guest-problem', `The guest could not go on: ${said.line.part('text')}.`);
    }
    throw new DemoError('demo-guest-misspoke', `The guest's script said '${said.line.key}' where '${key}' was due.`);
  }

  /** Nothing more will come: the wait under way and all later ones end with `error`. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#waiter?.reject(this.#failure.error);
    this.#waiter = undefined;
  }

  async #nextSaid(key: GuestKey): Promise<Said> {
    const ready = this.#backlog.shift();
    if (ready !== undefined) return ready;
    if (this.#failure !== undefined) throw this.#failure.error;
    const { promise, resolve, reject } = Promise.withResolvers<Said>();
    this.#waiter = { resolve, reject };
    const timer = setTimeout(
      () =>
        this.fail(
          new DemoError(
            'demo-guest-silent',
            `The guest had not said '${key}' after ${this.#deadlineMs / 1000} s. --verbose shows its console.`,
          ),
        ),
      this.#deadlineMs,
    );
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #endLine(): void {
    const text = this.#line.trimEnd();
    this.#line = '';
    try {
      const line = parseGuestLine(text);
      if (line !== undefined) this.#hand({ line, firstByteNs: this.#lineStartedNs });
    } catch (error) {
      this.fail(error);
    }
  }

  #hand(said: Said): void {
    if (this.#waiter !== undefined) {
      this.#waiter.resolve(said);
      this.#waiter = undefined;
    } else if (this.#backlog.length < BACKLOG_LIMIT) {
      this.#backlog.push(said);
    } else {
      this.fail(new DemoError('demo-guest-misspoke', "The guest's script says more than it was asked."));
    }
  }
}
