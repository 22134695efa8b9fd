import { closeSync, openSync, statSync, write } from 'node:fs';
import { HostError } from '../../host/index.ts';
import { captureEnd, type CaptureFacts, capturePacket, captureStart, readRecord } from '../../trace/index.ts';

/** In place of a file's name: standard output. */
export const STANDARD_OUTPUT = '-';
const STDOUT = 1;
const RETRY_MS = 10;

/** A pcapng file that grows with a trace. At every moment it is one that Wireshark can read. */
export class CaptureFile {
  /** In the file. */
  records = 0;
  /** Not in the file, because they were gone before they could be read. */
  lost = 0;
  readonly #path: string;
  readonly #fd: number;
  #lostBefore = 0;
  #lastNs = 0n;
  /** Nobody reads it any more: the other end of a pipe is gone. */
  #isGone = false;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  /** A new file, or a pipe that is there; `-`: standard output. Throws HostError `trace-not-written`. */
  static open(path: string): CaptureFile {
    if (path === STANDARD_OUTPUT) return new CaptureFile('standard output', STDOUT);
    try {
      return new CaptureFile(path, openNew(path));
    } catch (error) {
      throw notWritten(path, error);
    }
  }

  /** False: whoever read it has gone, and nothing more can be written. */
  get isRead(): boolean {
    return !this.#isGone;
  }

  async begin(facts: CaptureFacts): Promise<void> {
    await this.#write(captureStart(facts));
  }

  /** So many records that should stand here are gone. */
  addLost(count: number): void {
    this.lost += count;
    this.#lostBefore += count;
  }

  async add(record: Uint8Array): Promise<void> {
    const read = readRecord(record);
    if (read === undefined) {
      this.addLost(1);
      return;
    }
    const originalBytes = record.byteLength + read.cutBytes;
    const packet = capturePacket(record, read.timeNs, originalBytes, this.#lostBefore);
    this.#lostBefore = 0;
    this.#lastNs = read.timeNs;
    await this.#write(packet);
    this.records += 1;
  }

  async end(): Promise<void> {
    await this.#write(captureEnd(this.#lastNs, this.records, this.lost));
    this.close();
  }

  /** As it stands. Idempotent only for standard output, which stays open. */
  close(): void {
    if (this.#fd !== STDOUT) closeSync(this.#fd);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      for (let rest = bytes; rest.byteLength > 0 && !this.#isGone; ) {
        rest = rest.subarray(await writeSome(this.#fd, rest));
      }
    } catch (error) {
      if (!isErrno(error, 'EPIPE')) throw notWritten(this.#path, error);
      this.#isGone = true;
    }
  }
}

/** A file that is there already is somebody's; a pipe or a device is there to be written to. */
function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o644);
  } catch (error) {
    if (!isErrno(error, 'EEXIST') || statSync(path).isFile()) throw error;
    return openSync(path, 'w');
  }
}

function writeSome(fd: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, (error, written) => {
      if (error === null) resolve(written);
      else if (error.code === 'EAGAIN') setTimeout(() => resolve(0), RETRY_MS);
      else reject(error);
    });
  });
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function notWritten(path: string, cause: unknown): HostError {
  const reasons: Readonly<Record<string, string>> = {
    EEXIST: 'there is such a file already',
    ENOENT: 'its directory is not there',
    EACCES: 'it may not be written',
    ENOSPC: 'there is no room left',
  };
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return new HostError(
    'trace-not-written',
    {
      asked: `write the trace to ${path}`,
      obstacle: `${reasons[code] ?? (cause instanceof Error ? cause.message : String(cause))}.`,
      remedy: 'Name another file.',
      details: { path },
    },
    { cause },
  );
}
