import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { ApiError } from '../errors.ts';

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** `fetch` for HTTP over a Unix socket, which Node's own can't. Throws ApiError where nobody answers. */
export function unixFetch(socketPath: string): Fetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const body = init.body === undefined || init.body === null ? undefined : bytesOf(init.body);
    const headers = new Headers(init.headers);
    if (body !== undefined) headers.set('content-length', String(body.byteLength));
    return new Promise<Response>((resolve, reject) => {
      const outgoing = request(
        {
          socketPath,
          path: `${url.pathname}${url.search}`,
          method: init.method ?? 'GET',
          headers: { ...Object.fromEntries(headers), host: 'localhost' },
          agent: false,
          ...(init.signal === undefined || init.signal === null ? {} : { signal: init.signal }),
        },
        (incoming) => {
          const status = incoming.statusCode ?? 500;
          const given = new Headers();
          for (const [name, value] of Object.entries(incoming.headers)) {
            if (value !== undefined) given.set(name, Array.isArray(value) ? value.join(', ') : value);
          }
          const hasBody = status !== 204 && status !== 304;
          if (!hasBody) incoming.resume();
          // The types of streams in Node and on the web differ in what a byte stream is.
          const received = Readable.from(chunksOf(incoming, socketPath));
          const stream = hasBody ? (Readable.toWeb(received) as ReadableStream<Uint8Array<ArrayBuffer>>) : null;
          resolve(new Response(stream, { status, headers: given }));
        },
      );
      outgoing.on('error', (error) => reject(connectionError(error, socketPath)));
      outgoing.end(body);
    });
  };
}

/** A body that breaks off tells why in the daemon's terms: a stream may be read for as long as the daemon lives. */
async function* chunksOf(incoming: IncomingMessage, socketPath: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of incoming) yield chunk as Uint8Array;
  } catch (error) {
    throw error instanceof Error ? connectionError(error, socketPath) : error;
  }
}

function bytesOf(body: NonNullable<RequestInit['body']>): Uint8Array {
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  throw new TypeError('only text and bytes can be sent');
}

function connectionError(error: NodeJS.ErrnoException, socketPath: string): Error {
  if (error.name === 'AbortError') return error;
  const options = { cause: error };
  const details = { socket: socketPath };
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ENOTSOCK':
      return new ApiError(
        'daemon-not-running',
        {
          asked: 'reach the daemon',
          obstacle: `nobody answers at ${socketPath}.`,
          remedy: 'Start one: systemctl start dda, or as root in a terminal of its own: dda serve',
          details,
        },
        options,
      );
    case 'EACCES':
    case 'EPERM':
      return new ApiError(
        'caller-not-allowed',
        {
          asked: 'reach the daemon',
          obstacle: `${socketPath} is open to root and the group dda only.`,
          remedy: 'Use sudo, or let an administrator add you to the group: usermod -aG dda USER',
          details,
        },
        options,
      );
    case undefined:
    default:
      return new ApiError(
        'daemon-unreachable',
        {
          asked: 'ask the daemon',
          obstacle: `the connection broke: ${error.message}.`,
          remedy: 'See how it stands: systemctl status dda; dda audit tells what became of the request.',
          details,
        },
        options,
      );
  }
}
