import { Uart16550 } from './devices/index.ts';

/** How long output gathers before it is passed on: a byte at a time would cost a thread switch each. */
const GATHER_MS = 4;
const CHUNK_BYTES = 4096;
/** After this many chunks the device thread looks at its other events: a guest may send as fast as they are taken. */
const CHUNKS_PER_TURN = 16;

export interface SerialConsoleOptions {
  setIrqLevel(level: 0 | 1): void;
  output(bytes: Uint8Array): void;
}

/** The device thread's end of the guest's serial port. */
export class SerialConsole {
  readonly #uart: Uart16550;
  readonly #output: (bytes: Uint8Array) => void;
  #unsent: Uint8Array[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(state: SharedArrayBuffer, options: SerialConsoleOptions) {
    this.#output = options.output;
    this.#uart = new Uart16550(state, {
      setIrqLevel: options.setIrqLevel,
      outputReady: () => this.serve(),
      inputWanted: () => this.#send(),
    });
  }

  /** What was typed and the guest had no room for yet. */
  get unsentBytes(): number {
    return this.#unsent.reduce((sum, bytes) => sum + bytes.byteLength, 0);
  }

  /** A vCPU's thread has seen output, or room for input. */
  serve(): void {
    this.#timer ??= setTimeout(() => this.#drain(), GATHER_MS);
    this.#send();
  }

  /** Keeps what the guest has no room for and sends it when there is. After {@link close} nobody is there to type to. */
  type(bytes: Uint8Array): void {
    if (this.#closed) {
      return;
    }
    this.#unsent.push(bytes);
    this.#send();
  }

  /** Passes the last output on. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    while (this.#passOn()) {
      // Nobody sends any more.
    }
  }

  #drain(): void {
    this.#timer = undefined;
    for (let chunks = 0; chunks < CHUNKS_PER_TURN; chunks++) {
      if (!this.#passOn()) {
        return;
      }
    }
    // The port says that it has output when it had none, so what is left now must be fetched unasked.
    this.serve();
  }

  /** False: there is nothing to pass on. */
  #passOn(): boolean {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const count = this.#uart.drainOutput(chunk);
    if (count > 0) {
      this.#output(chunk.subarray(0, count));
    }
    return count > 0;
  }

  #send(): void {
    for (let bytes = this.#unsent[0]; bytes !== undefined; bytes = this.#unsent[0]) {
      const taken = this.#uart.sendInput(bytes);
      if (taken < bytes.byteLength) {
        this.#unsent[0] = bytes.subarray(taken);
        return;
      }
      this.#unsent.shift();
    }
  }
}
