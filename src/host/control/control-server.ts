import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { HostError } from '../errors.ts';
import { type ErrorReport, reportOf } from '../error-report.ts';
import { claimSocket, inodeOf, socketPath, uniqueSuffix } from './control-sockets.ts';
import { MAX_REQUEST_BYTES, parseLine } from './framing.ts';
import { LineSplitter } from './line-splitter.ts';
import type { ControlOp, ControlRequest, ControlResult } from './protocol.ts';
import { writeTrace } from './trace-connection.ts';
import type { TraceSource } from './trace-source.ts';

/** What answers each request; what it throws travels to the one who asked. */
export type ControlHandler = {
  readonly [Op in Exclude<ControlOp, 'trace'>]: (
    request: Extract<ControlRequest, { op: Op }>,
  ) => Promise<ControlResult<Op>>;
} & { readonly traces: TraceSource };

const MAX_CONNECTIONS = 16;
/** A connection that asks nothing for so long is closed. */
const IDLE_MS = 60_000;
/** How long the answers of a VM that has ended may take to be read. */
const FAREWELL_MS = 2_000;

/** The control socket of one VM. */
export class ControlServer {
  readonly #server: Server;
  readonly #path: string;
  readonly #inode: number | undefined;
  readonly #connections = new Map<Socket, Promise<void>>();
  /** Connections whose request is being answered. */
  readonly #busy = new Set<Socket>();

  private constructor(server: Server, path: string, handler: ControlHandler) {
    this.#server = server;
    this.#path = path;
    this.#inode = inodeOf(path);
    server.on('connection', (socket) => this.#accept(socket, handler));
  }

  /** Throws HostError `vm-name-taken`, and `not-permitted` where the directory is closed to the caller. */
  static async listen(directory: string, name: string, handler: ControlHandler): Promise<ControlServer> {
    const path = socketPath(directory, name);
    const temporary = join(directory, `${name}.${uniqueSuffix()}.new`);
    const server = createServer({ allowHalfOpen: true });
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      await listening(server, temporary);
      chmodSync(temporary, 0o600);
      if (await claimSocket(temporary, path)) return new ControlServer(server, path, handler);
    } catch (error) {
      server.close();
      throw refusedBy(error, directory, name);
    } finally {
      rmSync(temporary, { force: true });
    }
    server.close();
    throw new HostError('vm-name-taken', {
      asked: `name the VM ${name}`,
      obstacle: 'a VM of that name runs already.',
      remedy: 'See it with: dda vm list. Choose another name, or stop that one.',
      details: { name },
    });
  }

  /** Takes no more requests, lets the answers under way out, and removes the socket. */
  async close(): Promise<void> {
    this.#server.close();
    if (inodeOf(this.#path) === this.#inode) rmSync(this.#path, { force: true });
    for (const socket of this.#connections.keys()) if (!this.#busy.has(socket)) socket.destroy();
    const late = setTimeout(() => this.#connections.forEach((_, socket) => socket.destroy()), FAREWELL_MS);
    await Promise.all(this.#connections.values());
    clearTimeout(late);
  }

  #accept(socket: Socket, handler: ControlHandler): void {
    if (this.#connections.size >= MAX_CONNECTIONS) {
      const refusal = refused('too many processes ask at once.', 'Ask again when they have their answers.');
      socket.on('error', () => socket.destroy()).end(replyLine({ ok: false, error: reportOf(refusal) }));
      return;
    }
    // A client that goes away needs no answer; what it had asked for is done all the same.
    socket.on('error', () => socket.destroy());
    socket.setTimeout(IDLE_MS, () => {
      if (!this.#busy.has(socket)) socket.destroy();
    });
    const served = this.#serve(socket, handler).finally(() => {
      this.#connections.delete(socket);
      socket.destroy();
    });
    this.#connections.set(socket, served);
  }

  async #serve(socket: Socket, handler: ControlHandler): Promise<void> {
    const splitter = new LineSplitter(MAX_REQUEST_BYTES);
    // Reading stops while a request is being answered: nobody can queue up more than a chunk of them.
    for await (const chunk of chunksOf(socket)) {
      const lines = splitter.push(chunk);
      this.#busy.add(socket);
      for (const line of lines ?? []) {
        const request = await understood(line);
        socket.write(await answer(request, handler));
        if (request?.op === 'trace') {
          await writeTrace(socket, handler.traces);
          await ended(socket);
          return;
        }
      }
      if (lines === undefined) {
        const refusal = refused(`a request has more than ${MAX_REQUEST_BYTES} bytes.`, 'Ask in fewer words.');
        socket.write(replyLine({ ok: false, error: reportOf(refusal) }));
        break;
      }
      this.#busy.delete(socket);
      if (!this.#server.listening) break;
    }
    await ended(socket);
  }
}

/** Ends quietly when the other end goes away. */
async function* chunksOf(socket: Socket): AsyncGenerator<Uint8Array> {
  while (!socket.readableEnded && !socket.destroyed) {
    const chunk: unknown = socket.read();
    if (chunk instanceof Uint8Array) yield chunk;
    else await readableOrOver(socket);
  }
}

function readableOrOver(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const events = ['readable', 'end', 'close'] as const;
    const done = (): void => {
      for (const event of events) socket.off(event, done);
      resolve();
    };
    for (const event of events) socket.on(event, done);
  });
}

/** Resolves when all that was written is on its way, or the other end is gone. */
function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', () => resolve()).end(() => resolve());
  });
}

/** Undefined: it makes no sense. */
async function understood(line: string): Promise<ControlRequest | undefined> {
  // Loaded when somebody asks: it takes longer than all the rest of a VM's start.
  const { controlRequest } = await import('./protocol.ts');
  // Most VMs are asked a handful of things: compiling a parser for each takes longer than parsing them.
  return controlRequest.safeParse(parseLine(line), { jitless: true }).data;
}

async function answer(request: ControlRequest | undefined, handler: ControlHandler): Promise<string> {
  if (request === undefined) {
    const refusal = refused('this VM does not understand the request.', 'Use the dda that the VM was started with.');
    return replyLine({ ok: false, error: reportOf(refusal) });
  }
  try {
    return replyLine({ ok: true, result: await dispatch(request, handler) });
  } catch (error) {
    return replyLine({ ok: false, error: reportOf(error) });
  }
}

function dispatch(request: ControlRequest, handler: ControlHandler): Promise<unknown> {
  switch (request.op) {
    case 'status':
      return handler.status(request);
    case 'add':
      return handler.add(request);
    case 'eject':
      return handler.eject(request);
    case 'rescind':
      return handler.rescind(request);
    case 'stop':
      return handler.stop(request);
    case 'trace':
      return Promise.resolve({});
  }
}

type Reply = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: ErrorReport };

function replyLine(reply: Reply): string {
  return `${JSON.stringify(reply)}\n`;
}

function refused(obstacle: string, remedy: string): HostError {
  return new HostError('vm-request-refused', { asked: 'do that', obstacle, remedy });
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function refusedBy(error: unknown, directory: string, name: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') return error;
  return new HostError(
    'not-permitted',
    {
      asked: `name the VM ${name}`,
      obstacle: `its control socket can't be made in ${directory}.`,
      remedy: 'Run it as root: sudo dda …',
      details: { directory },
    },
    { cause: error },
  );
}
