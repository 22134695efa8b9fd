import { FdSocket } from '../../linux/index.ts';
import { VmProcessError } from './vm-process-error.ts';

/**
 * What is said at the gate between a VM process and its manager, in this order. The process has no privileges, so it can't set limits for itself nor give up
 * the file system: its manager does both.
 */
export const GATE_MESSAGE = {
  /** To the process: the limits that it is kept to are in force. */
  limited: 1,
  /** To the manager: no file is needed any more. */
  loaded: 2,
  /** To the process: there are none any more. */
  emptied: 3,
} as const;
export type GateMessage = keyof typeof GATE_MESSAGE;

const MAX_BYTES = 1;

/** What a message says; undefined: nothing that either end says. */
export function gateMessageOf(payload: Uint8Array): GateMessage | undefined {
  const names = Object.keys(GATE_MESSAGE) as GateMessage[];
  return payload.byteLength === 1 ? names.find((name) => GATE_MESSAGE[name] === payload[0]) : undefined;
}

/** The process's end. Whatever waits at it rejects if the manager goes. */
export class Gate {
  readonly #socket: FdSocket;

  /** Takes `fd` over. */
  constructor(fd: number) {
    this.#socket = FdSocket.fromFd(fd, MAX_BYTES);
  }

  /** Resolves when all limits are in force: what is taken from then on counts. */
  async limited(): Promise<void> {
    await this.#hear('limited');
  }

  /** Says that all is loaded, and resolves when the manager has taken the file system. Nothing more is said then. */
  async pass(): Promise<void> {
    try {
      this.#socket.send(Uint8Array.of(GATE_MESSAGE.loaded));
      await this.#hear('emptied');
    } finally {
      this.#socket.close();
    }
  }

  #hear(wanted: GateMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const watch = this.#socket.onReadable(() => {
        const message = this.#socket.receive();
        if (message === undefined) return;
        watch.stop();
        if (message !== 'closed' && gateMessageOf(message.payload) === wanted) resolve();
        else reject(new VmProcessError('lockup-failed', 'The manager went away before the guest was started.'));
      });
    });
  }
}
