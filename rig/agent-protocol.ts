/**
 * What a rig's agent and the program that booted the rig say to each other over one virtio-serial port: frames of a
 * 9-byte header (payload size, kind, command number; little-endian) and a payload. This file also runs inside the rig.
 */

export const FrameKind = {
  /** To the agent. Payload: {@link StartRequest} as JSON. */
  start: 1,
  /** To the agent: bytes for the command's standard input. */
  input: 2,
  /** To the agent: the command's standard input ends. */
  inputEnd: 3,
  /** To the agent: send the signal named in the payload to the command's process group. */
  signal: 4,
  /** To the agent, which answers with `answer`; and an interrupt from outside (docs/rig.md, "Knocks"). */
  knock: 5,
  /** From the agent, once, with command number 0: it takes commands now. */
  ready: 16,
  /** From the agent: bytes of the command's standard output. */
  output: 17,
  /** From the agent: bytes of the command's standard error. */
  errorOutput: 18,
  /** From the agent: the command has ended and all its output was sent. Payload: {@link ExitReport} as JSON. */
  exited: 19,
  /** From the agent: the command could not be started. Payload: {@link StartFailure} as JSON. */
  startFailed: 20,
  /** From the agent: it was knocked. */
  answer: 21,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export interface StartRequest {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Added to the agent's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Run it on a terminal of this size; output and error output are then one. */
  readonly terminal?: { readonly rows: number; readonly columns: number };
}

export interface ExitReport {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

export interface StartFailure {
  readonly code: string;
  readonly message: string;
}

export interface Frame {
  readonly kind: number;
  readonly command: number;
  readonly payload: Uint8Array;
}

const HEADER_BYTES = 9;
/** More than any command line needs; a larger size means that the stream is out of step. */
const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024;

export function encodeFrame(kind: FrameKind, command: number, payload: Uint8Array): Uint8Array {
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new RangeError(`A frame of ${payload.length} bytes is more than the agent takes (${MAX_PAYLOAD_BYTES}).`);
  }
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  const header = new DataView(frame.buffer);
  header.setUint32(0, payload.length, true);
  header.setUint8(4, kind);
  header.setUint32(5, command, true);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

/** Cuts a byte stream, in pieces of any size, into frames. */
export class FrameDecoder {
  #rest: Uint8Array = new Uint8Array(0);

  /** @throws RangeError when the stream cannot be one of frames. */
  push(chunk: Uint8Array): Frame[] {
    // Copied: the caller may read the next chunk into the same memory.
    const bytes = concatenate(this.#rest, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const sizeBytes = view.getUint32(at, true);
      if (sizeBytes > MAX_PAYLOAD_BYTES)
        throw new RangeError(`The rig's command stream is out of step: a frame of ${sizeBytes} bytes.`);
      if (bytes.length - at - HEADER_BYTES < sizeBytes) break;
      const start = at + HEADER_BYTES;
      frames.push({
        kind: view.getUint8(at + 4),
        command: view.getUint32(at + 5, true),
        payload: bytes.slice(start, start + sizeBytes),
      });
      at = start + sizeBytes;
    }
    this.#rest = bytes.slice(at);
    return frames;
  }
}

function concatenate(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
