import type { ConsolePort } from '../console-port.ts';

/** Who gets Ctrl-C: the host ends the VM with it, or the guest's programs get it, and Ctrl-] ends the VM; or nothing is typed. */
export const consoleModes = ['host', 'guest', 'off'] as const;
export type ConsoleMode = (typeof consoleModes)[number];

/** ASCII: Ctrl-C, Ctrl-D and Ctrl-]. */
const INTERRUPT = 0x03;
const END_OF_INPUT = 0x04;
const ESCAPE = 0x1d;
/** A guest that has printed nothing for so long waits for input, if it ever will. */
const QUIET_MS = 300;

export const endKeys: Readonly<Record<ConsoleMode, string>> = { host: 'Ctrl-C', guest: 'Ctrl-]', off: 'Ctrl-C' };

/** The keyboard's side of a guest's console. */
export class GuestKeyboard {
  readonly #port: ConsolePort;
  readonly #endKey: number | undefined;
  readonly #stop: () => void;
  #type: ((bytes: Uint8Array) => void) | undefined;
  /** Typed before there was a guest. */
  #early: Uint8Array[] = [];
  #hasEnded = false;
  #quiet: NodeJS.Timeout | undefined;

  constructor(port: ConsolePort, mode: ConsoleMode) {
    this.#port = port;
    // In a pipe these are bytes like any other.
    this.#endKey = port.isTerminal ? (mode === 'guest' ? ESCAPE : INTERRUPT) : undefined;
    this.#stop =
      mode === 'off'
        ? () => undefined
        : port.listen(
            (bytes) => this.#typed(bytes),
            () => {
              this.#hasEnded = true;
              this.printed();
            },
          );
  }

  /**
   * The guest has printed something. The end of a pipe is the end of file for whatever reads in the guest: a shell ends,
   * and the VM with it. A terminal knows no lasting end, so Ctrl-D is typed whenever somebody seems to wait for input.
   */
  printed(): void {
    if (!this.#hasEnded) return;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#pass(Uint8Array.of(END_OF_INPUT)), QUIET_MS);
  }

  connect(type: (bytes: Uint8Array) => void): void {
    this.#type = type;
    for (const bytes of this.#early.splice(0)) type(bytes);
  }

  /** Gives the terminal back as it was. */
  close(): void {
    clearTimeout(this.#quiet);
    this.#stop();
  }

  #typed(bytes: Uint8Array): void {
    const end = this.#endKey === undefined ? -1 : bytes.indexOf(this.#endKey);
    if (end < 0) {
      this.#pass(bytes);
      return;
    }
    if (end > 0) this.#pass(bytes.subarray(0, end));
    this.#port.interrupt();
  }

  #pass(bytes: Uint8Array): void {
    if (this.#type === undefined) this.#early.push(bytes);
    else this.#type(bytes);
  }
}
