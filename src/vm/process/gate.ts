import { FdSocket } from '../../linux/index.ts';
import { VmProcessError } from './vm-process-error.ts';

/**
 * What is said at the gate between a VM process that has loaded all that it needs and its guest. The process has no privileges, so it
 * can't give up the file system by itself: its manager takes it from it.
 */
export const GATE_MESSAGE = {
  /** To the manager: no file is needed any more. */
  loaded: 1,
  /** To the process: there are none any more. */
  emptied: 2,
} as const;
export type GateMessage = keyof typeof GATE_MESSAGE;

const MAX_BYTES = 1;

/** What a message says; undefined: nothing that either end says. */
export function gateMessageOf(payload: Uint8Array): GateMessage | undefined {
  const names = Object.keys(GATE_MESSAGE) as GateMessage[];
  return payload.byteLength === 1 ? names.find((name) => GATE_MESSAGE[name] === payload[0]) : undefined;
}

/** Says that all is loaded, and resolves when the manager has taken the file system. Takes `fd` over. Rejects if the manager goes. */
export async function passGate(fd: number): Promise<void> {
  const gate = FdSocket.fromFd(fd, MAX_BYTES);
  try {
    gate.send(Uint8Array.of(GATE_MESSAGE.loaded));
    await new Promise<void>((resolve, reject) => {
      gate.onReadable(() => {
        const message = gate.receive();
        if (message === undefined) return;
        if (message !== 'closed' && gateMessageOf(message.payload) === 'emptied') resolve();
        else reject(new VmProcessError('lockup-failed', 'The manager went away before the guest was started.'));
      });
    });
  } finally {
    gate.close();
  }
}
