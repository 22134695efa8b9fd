import type { VmEvent } from '../../vm/process/index.ts';
import type { VmProcessEvent } from '../manager/ports.ts';

/** Requests that wait for a function's `ejected`. */
export class EjectWaits {
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();

  /** Resolves when the function is gone. Several may wait for one. */
  wait(name: string): Promise<void> {
    const found = this.#waiting.get(name) ?? Promise.withResolvers<void>();
    this.#waiting.set(name, found);
    return found.promise;
  }

  /** False: nobody had asked. */
  done(name: string): boolean {
    const waiting = this.#waiting.get(name);
    this.#waiting.delete(name);
    waiting?.resolve();
    return waiting !== undefined;
  }

  /** Nobody waits any more; gives what rejects those who did. */
  takeAll(): ((error: Error) => void)[] {
    const rejects = [...this.#waiting.values()].map(({ reject }) => reject);
    this.#waiting.clear();
    return rejects;
  }
}

/** A checked event in the manager's words. */
export function asPortEvent(event: Exclude<VmEvent, { event: 'hello' }>): VmProcessEvent {
  switch (event.event) {
    case 'ejected':
      return { kind: 'ejected', function: event.function, outcome: event.outcome };
    case 'release-requested':
      return { kind: 'release-requested', function: event.function };
    case 'function-failed':
      return { kind: 'function-failed', function: event.function, reason: event.reason };
    case 'crashed': {
      const { vp, parameters, message } = event;
      return { kind: 'crashed', report: { vp, parameters, ...(message === undefined ? {} : { message }) } };
    }
    case 'guest-os':
      return { kind: 'guest-os', name: event.name };
    case 'guest-ended':
      return { kind: 'guest-ended', how: event.how, detail: event.detail };
    case 'console':
      return { kind: 'console', bytes: Buffer.from(event.data, 'base64') };
    case 'trace':
      return { kind: 'trace', records: Buffer.from(event.records, 'base64'), lost: event.lost };
    case 'log':
      return { kind: 'log', text: `${event.code}: ${event.text}${leftOut(event.dropped)}` };
  }
}

function leftOut(count: number): string {
  return count === 0 ? '' : ` (${count} lines before it were left out)`;
}
