import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Caller } from '../../host/index.ts';
import type { Env } from '../env.ts';
import { ApiError } from '../errors.ts';
import { problemOf, problemResponse, PROBLEM_MEDIA_TYPE } from '../problem/problem.ts';
import { type Access, callerOf, mayAsk, peerOf } from './access.ts';
import { claimPath, closeAndFreePath } from './socket-path.ts';

/** Requests, streams, and some for those that are about to be refused. */
const MAX_CONNECTIONS = 512;
/** Time to send a request, not to be answered: that may wait for a guest. */
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5000;
/** What requests under way have to be answered when the daemon ends. */
const LAST_ANSWERS_MS = 2000;

export interface ListenOptions {
  readonly path: string;
  readonly access: Access;
  readonly fetch: (request: Request, env: Env['Bindings']) => Response | Promise<Response>;
  /** An error that reached nobody. */
  readonly failed: (error: unknown) => void;
}

export interface ApiServer {
  /** No new requests; those under way have a moment to be answered. */
  close(): Promise<void>;
}

/** Serves HTTP at a Unix socket that only root and the group may open. Throws ApiError `daemon-running`, `daemon-setup-failed`. */
export async function listen(options: ListenOptions): Promise<ApiServer> {
  const callers = new WeakMap<Socket, Caller>();
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1000,
    },
    getRequestListener(
      (request, env) => answer(options, callers, request, (env as { incoming: IncomingMessage }).incoming),
      {
        errorHandler: (error) => {
          options.failed(error);
          return problemResponse(error);
        },
      },
    ),
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on('connection', (socket: Socket) => {
    try {
      const peer = peerOf(socket);
      if (mayAsk(options.access, peer)) callers.set(socket, callerOf(peer));
    } catch (error) {
      options.failed(error);
    }
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => refuseBrokenRequest(error, socket));
  await claimPath(server, options.path, options.access.groupId);
  return { close: () => close(server, options.path) };
}

function answer(
  { fetch }: ListenOptions,
  callers: WeakMap<Socket, Caller>,
  request: Request,
  incoming: IncomingMessage,
): Response | Promise<Response> {
  const caller = callers.get(incoming.socket);
  if (caller !== undefined) return fetch(request, { caller });
  return problemResponse(
    new ApiError('caller-not-allowed', {
      asked: 'talk to the daemon',
      obstacle: 'the caller is neither root nor in the group dda.',
      remedy: 'Use sudo, or let an administrator add the user to the group: usermod -aG dda USER',
    }),
  );
}

/** It never became a request, so no route can refuse it. */
function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const problem = problemOf(
    new ApiError(isLate ? 'request-too-slow' : 'request-malformed', {
      asked: 'read a request',
      obstacle: isLate ? `it was not there in ${REQUEST_TIMEOUT_MS / 1000} s.` : `it is not HTTP: ${error.message}.`,
      remedy: 'Send a whole HTTP/1.1 request.',
    }),
  );
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${isLate ? 'Request Timeout' : 'Bad Request'}\r\nConnection: close\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

async function close(server: Server, path: string): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
  await closeAndFreePath(server, path);
  clearTimeout(cut);
}
