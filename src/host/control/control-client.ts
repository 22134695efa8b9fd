import type { Socket } from 'node:net';
import { recordsIn } from '../../trace/index.ts';
import { HostError } from '../errors.ts';
import { ReportedError } from '../error-report.ts';
import { connect, removeIfStale, socketNames, socketPath } from './control-sockets.ts';
import { MAX_REPLY_BYTES, parseLine } from './framing.ts';
import { LineSplitter } from './line-splitter.ts';
import {
  type ControlOp,
  type ControlRequest,
  type ControlResult,
  controlReply,
  controlResults,
  traceLine,
  type VmStatus,
} from './protocol.ts';
import type { TraceNews } from './trace-source.ts';

/** Every running VM answers "status" at once, whatever its guest does. */
const STATUS_WITHIN_MS = 5_000;

/** A VM that has a control socket somebody listens on. */
export interface ListedVm {
  readonly name: string;
  /** Undefined: it doesn't answer. */
  readonly status: VmStatus | undefined;
}

/** The VMs that run now, by name. Removes what dead ones left. */
export async function listVms(directory: string): Promise<ListedVm[]> {
  const found = await Promise.all(
    socketNames(directory).map(async (name): Promise<ListedVm | undefined> => {
      try {
        return { name, status: await askVm(directory, name, { op: 'status' }) };
      } catch (error) {
        if (!(error instanceof HostError) || error.code === 'not-permitted') throw error;
        return error.code === 'vm-not-answering' ? { name, status: undefined } : undefined;
      }
    }),
  );
  return found.filter((vm) => vm !== undefined);
}

/**
 * The VM that is meant when none is named: the only one there is. Throws HostError `no-such-vm`, `vm-name-needed`.
 */
export async function onlyVm(directory: string, asked: string): Promise<string> {
  const names = (await listVms(directory)).map((vm) => vm.name);
  const [only] = names;
  if (only === undefined) {
    throw new HostError('no-such-vm', {
      asked,
      obstacle: 'no VM of this user runs.',
      remedy: 'Start one with: dda vm run',
    });
  }
  if (names.length > 1) {
    throw new HostError('vm-name-needed', {
      asked,
      obstacle: `several VMs run: ${names.join(', ')}.`,
      remedy: 'Name the one that is meant.',
      details: { names },
    });
  }
  return only;
}

/**
 * Asks one VM and gives its answer. Throws what it threw as {@link ReportedError}, and HostError `no-such-vm`, `vm-gone`,
 * `vm-not-answering`, `not-permitted`.
 */
export async function askVm<Op extends ControlOp>(
  directory: string,
  name: string,
  request: Extract<ControlRequest, { op: Op }>,
): Promise<ControlResult<Op>> {
  const asked = request.op === 'status' ? `ask ${name}` : `${request.op} on ${name}`;
  const path = socketPath(directory, name);
  const socket = await connectOrRefuse(path, asked, name);
  const late =
    request.op === 'status' ? setTimeout(() => socket.destroy(new LateAnswer()), STATUS_WITHIN_MS) : undefined;
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    const line = await firstLine(socket);
    if (line === undefined) {
      throw gone(asked, name, 'the VM ended before it had answered.');
    }
    return checkedResult(line, request.op, asked, name);
  } catch (error) {
    if (error instanceof LateAnswer) throw notAnswering(asked, name, 'it did not answer in time.');
    throw error;
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}

/**
 * Has one VM record. Resolves when it does, and gives what it records until `signal` or the VM ends it. Throws as {@link askVm}
 * does, now and later.
 */
export async function traceVm(
  directory: string,
  name: string,
  signal: AbortSignal,
): Promise<AsyncGenerator<TraceNews>> {
  const asked = `trace ${name}`;
  const socket = await connectOrRefuse(socketPath(directory, name), asked, name);
  const leave = (): void => void socket.destroy();
  signal.addEventListener('abort', leave);
  try {
    socket.write(`${JSON.stringify({ op: 'trace' } satisfies ControlRequest)}\n`);
    const lines = linesOf(socket);
    const { value } = await lines.next();
    signal.throwIfAborted();
    if (value === undefined) throw gone(asked, name, 'the VM ended before it had answered.');
    checkedResult(value, 'trace', asked, name);
    return newsOf(lines, socket, { asked, name, signal });
  } catch (error) {
    leave();
    throw error;
  }
}

async function* newsOf(
  lines: AsyncIterable<string>,
  socket: Socket,
  { asked, name, signal }: { readonly asked: string; readonly name: string; readonly signal: AbortSignal },
): AsyncGenerator<TraceNews> {
  try {
    for await (const line of lines) {
      const news = newsIn(line, asked, name);
      yield news;
      if ('ended' in news) return;
    }
    if (!signal.aborted) throw gone(asked, name, 'the VM ended without a word.');
  } finally {
    socket.destroy();
  }
}

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  const splitter = new LineSplitter(MAX_REPLY_BYTES);
  try {
    for await (const chunk of socket) {
      const lines = splitter.push(chunk as Uint8Array);
      if (lines === undefined) return;
      yield* lines;
    }
  } catch (error) {
    // As if it had closed: whoever waits is told that it is gone.
    if (!isHungUp(error)) throw error;
  }
}

function newsIn(line: string, asked: string, name: string): TraceNews {
  const news = traceLine.safeParse(parseLine(line)).data;
  if (news === undefined) throw notAnswering(asked, name, 'its answer makes no sense.');
  if ('ended' in news) return news;
  const records = Buffer.from(news.records, 'base64');
  if (recordsIn(records) === undefined) throw notAnswering(asked, name, 'what it sends are no records.');
  return { records, lost: news.lost };
}

function isHungUp(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

function gone(asked: string, name: string, obstacle: string): HostError {
  return new HostError('vm-gone', {
    asked,
    obstacle,
    remedy: 'What it had borrowed is back at the host, unless it was killed: see dda survey.',
    details: { name },
  });
}

class LateAnswer extends Error {}

async function connectOrRefuse(path: string, asked: string, name: string): Promise<Socket> {
  let socket: Socket | undefined;
  try {
    socket = await connect(path);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code !== 'EACCES' && code !== 'EPERM') throw cause;
    throw new HostError(
      'not-permitted',
      {
        asked,
        obstacle: `${path} belongs to another user.`,
        remedy: 'Run it as root: sudo dda …',
        details: { name },
      },
      { cause },
    );
  }
  if (socket !== undefined) return socket;
  await removeIfStale(path);
  throw new HostError('no-such-vm', {
    asked,
    obstacle: `no VM of the name ${name} runs.`,
    remedy: 'See which ones do with: dda vm list',
    details: { name },
  });
}

/** Undefined: the other end closed without an answer. */
function firstLine(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const splitter = new LineSplitter(MAX_REPLY_BYTES);
    socket.on('data', (chunk: Buffer) => {
      const lines = splitter.push(chunk);
      if (lines === undefined) resolve('');
      else if (lines[0] !== undefined) resolve(lines[0]);
    });
    socket.on('error', (error) => {
      if (isHungUp(error)) resolve(undefined);
      else reject(error);
    });
    socket.on('close', () => resolve(undefined));
  });
}

function checkedResult<Op extends ControlOp>(line: string, op: Op, asked: string, name: string): ControlResult<Op> {
  const reply = controlReply.safeParse(parseLine(line));
  if (!reply.success) throw notAnswering(asked, name, 'its answer makes no sense.');
  if (!reply.data.ok) {
    const { code, message, asked: what, obstacle, remedy, details } = reply.data.error;
    throw new ReportedError({
      code,
      message,
      ...(what === undefined ? {} : { asked: what }),
      ...(obstacle === undefined ? {} : { obstacle }),
      ...(remedy === undefined ? {} : { remedy }),
      ...(details === undefined ? {} : { details }),
    });
  }
  const result = controlResults[op].safeParse(reply.data.result);
  if (!result.success) throw notAnswering(asked, name, 'its answer makes no sense.');
  return result.data as ControlResult<Op>;
}

function notAnswering(asked: string, name: string, obstacle: string): HostError {
  return new HostError('vm-not-answering', {
    asked,
    obstacle,
    remedy: 'Look whether its process still runs, and whether it is of the same version of dda.',
    details: { name },
  });
}
