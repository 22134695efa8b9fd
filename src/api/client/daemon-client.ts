import { hc } from 'hono/client';
import type { DdaApi } from '../app.ts';
import type { EventJson } from '../schemas/audit.ts';
import type { TraceEventJson } from '../schemas/trace.ts';
import { answerOf, successOf } from './answer.ts';
import { readEvents } from './event-reader.ts';
import { unixFetch } from './unix-fetch.ts';

const BASE = 'http://localhost';

type Routes = ReturnType<typeof hc<DdaApi>>['v1'];

/**
 * The daemon at a Unix socket. `routes` has every request of the API with its types, as the daemon's own code has them;
 * `ask` sends one and gives the answer.
 */
export class DaemonClient {
  readonly #fetch: ReturnType<typeof unixFetch>;
  readonly routes: Routes;
  /** `await daemon.ask(daemon.routes.pools.$get())` */
  readonly ask = answerOf;

  constructor(socketPath: string) {
    this.#fetch = unixFetch(socketPath);
    this.routes = hc<DdaApi>(BASE, { fetch: this.#fetch }).v1;
  }

  /** Events from now on, until `signal` or the daemon ends them. */
  async events(signal: AbortSignal): Promise<AsyncGenerator<EventJson>> {
    const response = await successOf(this.#fetch(`${BASE}/v1/events`, { signal }));
    return readEvents<EventJson>(bodyOf(response));
  }

  /** What passes between a VM and its host from now on. */
  async trace(vm: string, signal: AbortSignal): Promise<AsyncGenerator<TraceEventJson>> {
    const response = await successOf(this.#fetch(`${BASE}/v1/vms/${encodeURIComponent(vm)}/trace`, { signal }));
    return readEvents<TraceEventJson>(bodyOf(response));
  }

  /** What a guest prints from now on. */
  async console(vm: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return bodyOf(await successOf(this.#fetch(`${BASE}/v1/vms/${encodeURIComponent(vm)}/console`, { signal })));
  }

  /** Types into a guest's serial port. */
  async type(vm: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const headers = { 'content-type': 'application/octet-stream' };
    await successOf(
      this.#fetch(`${BASE}/v1/vms/${encodeURIComponent(vm)}/console`, { method: 'POST', headers, body: bytes }),
    );
  }
}

function bodyOf(response: Response): ReadableStream<Uint8Array> {
  if (response.body === null) throw new Error('a stream has no body');
  return response.body;
}
