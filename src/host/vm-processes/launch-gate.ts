import { FdSocket, list } from '../../linux/index.ts';
import { GATE_MESSAGE, gateMessageOf } from '../../vm/process/index.ts';

const MAX_BYTES = 1;

/** The manager's end of the gate between a VM process that has loaded all that it needs and its guest. */
export class LaunchGate {
  readonly #ours: FdSocket;
  readonly #theirs: FdSocket;

  constructor() {
    [this.#ours, this.#theirs] = FdSocket.pair(MAX_BYTES);
  }

  /** What the process inherits. */
  get fd(): number {
    return this.#theirs.fd;
  }

  /**
   * When the process has said that it needs no files any more, takes them from it (`empty`), looks whether they are gone, and lets it go
   * on. Never resolves: what comes of it, the process tells. Rejects when it can't be done.
   */
  open(empty: () => Promise<void>, processId: number): Promise<never> {
    this.#theirs.close();
    return new Promise((_, reject) => {
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
    this.#ours.send(Uint8Array.of(GATE_MESSAGE.emptied));
  }

  /** Idempotent. */
  close(): void {
    this.#theirs.close();
    this.#ours.close();
  }
}
