import { FdSocket, list, SystemCallError } from '../../linux/index.ts';
import { GATE_MESSAGE, type GateMessage, gateMessageOf } from '../../vm/process/index.ts';

const MAX_BYTES = 1;

/** What the manager does for a process that waits at its gate. */
export interface GateWork {
  /** Resolves when the limits that the process is kept to are in force. */
  readonly limited: Promise<void>;
  /** Takes the file system from it. */
  readonly empty: () => Promise<void>;
}

/**
 * The manager's end of the gate that a VM process waits at twice: before it takes anything, for its limits; and when it has loaded all that it needs, before its
 * guest, for the end of its file system.
 */
export class LaunchGate {
  readonly #ours: FdSocket;
  readonly #theirs: FdSocket;
  #closed = false;

  constructor() {
    [this.#ours, this.#theirs] = FdSocket.pair(MAX_BYTES);
  }

  /** What the process inherits. */
  get fd(): number {
    return this.#theirs.fd;
  }

  /**
   * Lets the process go on when it is limited; and when it has said that it needs no files any more, takes them from it, looks whether they are gone, and
   * lets its guest begin. Never resolves: what comes of it, the process tells. Rejects when it can't be done.
   */
  open(processId: number, { limited, empty }: GateWork): Promise<never> {
    this.#theirs.close();
    return new Promise((_, reject) => {
      limited.then(() => this.#say('limited')).catch(reject);
      const watch = this.#ours.onReadable(() => {
        const message = this.#ours.receive();
        if (message === undefined) return;
        watch.stop();
        // A process that has closed its end ends, or goes on; whoever waits for it hears why.
        if (message === 'closed' || gateMessageOf(message.payload) !== 'loaded') return;
        this.#pass(empty, processId).catch(reject);
      });
    });
  }

  async #pass(empty: () => Promise<void>, processId: number): Promise<void> {
    await empty();
    const left = list(`/proc/${processId}/root/`);
    if (left.length > 0) throw new Error(`it could not be locked up: it still sees ${left.slice(0, 3).join(', ')} ….`);
    this.#say('emptied');
  }

  /** One that has ended meanwhile hears nothing; whoever waits for it hears why. */
  #say(message: GateMessage): void {
    if (this.#closed) return;
    try {
      this.#ours.send(Uint8Array.of(GATE_MESSAGE[message]));
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.code !== 'EPIPE') throw error;
    }
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#theirs.close();
    this.#ours.close();
  }
}
