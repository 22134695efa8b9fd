/**
 * The rig's agent: runs inside the rig, takes commands from the virtio-serial port named `dda.agent`, runs them as
 * they come, side by side, and sends their output as it appears. It ends when the host's end of the port closes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, read, readdirSync, readFileSync, write } from 'node:fs';
import type { Readable } from 'node:stream';
import { type Frame, FrameDecoder, FrameKind, type StartRequest, encodeFrame } from '../agent-protocol.ts';

const PORT_NAME = 'dda.agent';
/** Enough under way to the host: until it has drained, the commands' output waits in their pipes. */
const MAX_PENDING_BYTES = 1024 * 1024;
/** A process that the command left behind may hold its output open for ever; after its end this much silence is the end. */
const SILENCE_AFTER_EXIT_MS = 300;

const commands = new Map<number, ChildProcess>();
const pausedStreams = new Set<Readable>();
const outgoing: Uint8Array[] = [];
let pendingBytes = 0;
let writing = false;
const utf8 = new TextEncoder();

const port = openSync(findPort(), 'r+');

function findPort(): string {
  const ports = '/sys/class/virtio-ports';
  const found = readdirSync(ports).find((name) => readFileSync(`${ports}/${name}/name`, 'utf8').trim() === PORT_NAME);
  if (found === undefined) throw new Error(`No virtio-serial port is named ${PORT_NAME}.`);
  return `/dev/${found}`;
}

function send(kind: FrameKind, command: number, payload: Uint8Array): void {
  const frame = encodeFrame(kind, command, payload);
  outgoing.push(frame);
  pendingBytes += frame.length;
  if (!writing) writeNext();
}

const sendJson = (kind: FrameKind, command: number, value: unknown): void =>
  send(kind, command, utf8.encode(JSON.stringify(value)));

function writeNext(): void {
  const chunk = outgoing.shift();
  writing = chunk !== undefined;
  if (chunk === undefined) return;
  write(port, chunk, (error, written) => {
    if (error !== null) {
      console.error(`rig agent: cannot write to the host: ${error.message}`);
      process.exit(1);
    }
    pendingBytes -= written;
    if (written < chunk.length) outgoing.unshift(chunk.subarray(written));
    if (pendingBytes < MAX_PENDING_BYTES) {
      for (const stream of pausedStreams) stream.resume();
      pausedStreams.clear();
    }
    writeNext();
  });
}

function start(command: number, request: StartRequest): void {
  const [program, ...args] = request.terminal === undefined ? request.argv : onTerminal(request.argv, request.terminal);
  const child = spawn(program ?? '', args, {
    cwd: request.cwd,
    env: { ...process.env, ...request.env },
    detached: true,
    stdio: 'pipe',
  });
  commands.set(command, child);
  child.on('error', (error: NodeJS.ErrnoException) => {
    if (child.pid !== undefined || !commands.delete(command)) return;
    sendJson(FrameKind.startFailed, command, { code: error.code ?? 'unknown', message: error.message });
  });
  // A command that ends without reading its input closes the pipe under the writer; that is its right.
  child.stdin.on('error', () => undefined);
  let lastOutputAt = 0;
  const forward = (stream: Readable, kind: FrameKind): void => {
    stream.on('data', (chunk: Buffer) => {
      lastOutputAt = performance.now();
      send(kind, command, chunk);
      if (pendingBytes < MAX_PENDING_BYTES) return;
      stream.pause();
      pausedStreams.add(stream);
    });
  };
  forward(child.stdout, FrameKind.output);
  forward(child.stderr, FrameKind.errorOutput);
  const finish = (): void => {
    if (!commands.delete(command)) return;
    child.stdout.destroy();
    child.stderr.destroy();
    sendJson(FrameKind.exited, command, { exitCode: child.exitCode, signal: child.signalCode });
  };
  child.on('close', finish);
  child.on('exit', () => {
    lastOutputAt = performance.now();
    const check = (): void => {
      if (!commands.has(command)) return;
      const isSilent =
        performance.now() - lastOutputAt >= SILENCE_AFTER_EXIT_MS &&
        !pausedStreams.has(child.stdout) &&
        !pausedStreams.has(child.stderr);
      if (isSilent) finish();
      // By way of setImmediate, so that output which is already there is read before silence is judged again.
      else setTimeout(() => setImmediate(check), SILENCE_AFTER_EXIT_MS);
    };
    setTimeout(() => setImmediate(check), SILENCE_AFTER_EXIT_MS);
  });
}

/** `script` gives the command a terminal of its own and passes its exit code on. */
function onTerminal(argv: readonly string[], size: { readonly rows: number; readonly columns: number }): string[] {
  const quoted = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  return ['script', '-qefc', `stty rows ${size.rows} cols ${size.columns}; exec ${quoted}`, '/dev/null'];
}

function receive(frame: Frame): void {
  if (frame.kind === FrameKind.knock) {
    send(FrameKind.answer, frame.command, new Uint8Array(0));
    return;
  }
  if (frame.kind === FrameKind.start) {
    start(frame.command, JSON.parse(Buffer.from(frame.payload).toString()) as StartRequest);
    return;
  }
  const child = commands.get(frame.command);
  // The command may have ended while this frame was under way.
  if (child === undefined) return;
  if (frame.kind === FrameKind.input) child.stdin?.write(frame.payload);
  else if (frame.kind === FrameKind.inputEnd) child.stdin?.end();
  else if (frame.kind === FrameKind.signal && child.pid !== undefined)
    signalGroup(child.pid, Buffer.from(frame.payload).toString());
  else console.error(`rig agent: frame of unknown kind ${frame.kind}`);
}

function signalGroup(leader: number, name: string): void {
  try {
    process.kill(-leader, name);
  } catch (error) {
    console.error(`rig agent: cannot signal process group ${leader}: ${String(error)}`);
  }
}

const decoder = new FrameDecoder();
const buffer = Buffer.alloc(64 * 1024);
function receiveNext(): void {
  read(port, buffer, 0, buffer.length, null, (error, sizeBytes) => {
    if (error !== null || sizeBytes === 0) {
      console.error('rig agent: the host has closed its end');
      closeSync(port);
      process.exit(error === null ? 0 : 1);
    }
    for (const frame of decoder.push(buffer.subarray(0, sizeBytes))) receive(frame);
    receiveNext();
  });
}

receiveNext();
sendJson(FrameKind.ready, 0, { node: process.version });
