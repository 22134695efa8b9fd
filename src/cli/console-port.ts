import { fstatSync, write } from 'node:fs';
import { ReadStream } from 'node:tty';

/** The terminal, pipe or file at which a guest's console ends. */
export interface ConsolePort {
  /** Whether a person types. */
  readonly isTerminal: boolean;
  /** Never waits: what a slow reader hasn't taken is kept, up to a limit; beyond it output is lost, which is said there. */
  write(bytes: Uint8Array): void;
  /** Resolves when all that was written is out, or can't be. */
  flushed(): Promise<void>;
  /** Passes on what is typed, a terminal's keys as they are, until the function that it gives is called. */
  listen(typed: (bytes: Uint8Array) => void, ended: () => void): () => void;
  /** Does what Ctrl-C does to an ordinary program. */
  interrupt(): void;
}

/** What may wait for a slow reader. */
const MAX_WAITING_BYTES = 1024 * 1024;
const RETRY_MS = 10;
const STDOUT = 1;

export function processConsole(): ConsolePort {
  const output = new OutputQueue(STDOUT, () => process.kill(process.pid, 'SIGHUP'));
  return {
    isTerminal: process.stdin.isTTY,
    write: (bytes) => output.write(bytes),
    flushed: () => output.flushed(),
    listen,
    interrupt: () => void process.kill(process.pid, 'SIGINT'),
  };
}

function listen(typed: (bytes: Uint8Array) => void, ended: () => void): () => void {
  if (isNoInput()) return () => undefined;
  const { stdin } = process;
  const setRaw = (raw: boolean): void => {
    if (stdin instanceof ReadStream) stdin.setRawMode(raw);
  };
  const restore = (): void => setRaw(false);
  setRaw(true);
  process.on('exit', restore);
  stdin.on('data', typed);
  stdin.on('end', ended);
  return () => {
    stdin.off('data', typed);
    stdin.off('end', ended);
    restore();
    process.off('exit', restore);
    // Reading goes on otherwise, and keeps the process.
    stdin.destroy();
  };
}

/** /dev/null and the like: nobody types, and its end is not the end of anything. */
function isNoInput(): boolean {
  try {
    return fstatSync(0).isCharacterDevice() && !process.stdin.isTTY;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBADF') return true;
    throw error;
  }
}

/** Writes in the background: a reader that doesn't read must not stop the VM's device thread, nor the way back of a function. */
class OutputQueue {
  readonly #fd: number;
  readonly #readerGone: () => void;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #lostBytes = 0;
  #isGone = false;
  #writing: Promise<void> | undefined;

  constructor(fd: number, readerGone: () => void) {
    this.#fd = fd;
    this.#readerGone = readerGone;
  }

  write(bytes: Uint8Array): void {
    if (this.#isGone) return;
    if (this.#waitingBytes + bytes.byteLength > MAX_WAITING_BYTES) {
      this.#lostBytes += bytes.byteLength;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.byteLength;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async flushed(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    for (let bytes = this.#waiting.shift(); bytes !== undefined; bytes = this.#waiting.shift()) {
      for (let rest = bytes; rest.byteLength > 0 && !this.#isGone; ) rest = rest.subarray(await this.#writeSome(rest));
      this.#waitingBytes -= bytes.byteLength;
      if (this.#lostBytes > 0 && this.#waiting.length === 0) {
        this.#waiting.push(Buffer.from(`\n[${this.#lostBytes} bytes of output were lost: nobody read them]\n`));
        this.#lostBytes = 0;
      }
    }
  }

  #writeSome(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#fd, bytes, (error, written) => {
        if (error === null) {
          resolve(written);
        } else if (error.code === 'EAGAIN') {
          setTimeout(() => resolve(0), RETRY_MS);
        } else if (error.code === 'EPIPE' || error.code === 'EIO') {
          // As for an ordinary program whose terminal or pipe is gone.
          this.#isGone = true;
          this.#readerGone();
          resolve(0);
        } else {
          reject(error);
        }
      });
    });
  }
}
