import type { FdWatch } from './fd-watch.ts';
import { closeFile, OpenFlag, openFile, readFile, seekToEnd } from './libc/files.ts';
import { SystemCallError } from './libc/system-call-error.ts';
import { MessageWatch } from './message-watch.ts';

/** One message of the kernel's. Linux Documentation/ABI/testing/dev-kmsg. */
export interface KernelLogRecord {
  /** 0 (emergency) to 7 (debug). */
  readonly level: number;
  /** 0: the kernel itself; others came from processes that wrote to /dev/kmsg. */
  readonly facility: number;
  readonly sequence: number;
  /** Since the machine started. */
  readonly microseconds: number;
  readonly text: string;
  /** `SUBSYSTEM`, `DEVICE` (`+pci:0000:01:00.0`), … */
  readonly properties: ReadonlyMap<string, string>;
}

/** A record is 1 KiB of text and its properties, escaped fourfold at the worst; the kernel refuses smaller buffers (EINVAL). */
const maxRecordBytes = 8192;
/** How many are read before other events get their turn. */
const recordsPerTurn = 64;

/** The kernel's messages from now on (`/dev/kmsg`). Needs root, or kernel.dmesg_restrict=0. */
export class KernelLog {
  readonly #messages: MessageWatch<KernelLogRecord | 'overrun'>;
  readonly #buffer = new Uint8Array(new ArrayBuffer(maxRecordBytes));

  private constructor(fd: number) {
    this.#messages = new MessageWatch(fd, recordsPerTurn, () => this.read());
  }

  /** Throws {@link SystemCallError} EPERM, ENOENT. */
  static open(): KernelLog {
    const fd = openFile('/dev/kmsg', OpenFlag.readOnly | OpenFlag.nonBlocking);
    try {
      seekToEnd(fd);
      return new KernelLog(fd);
    } catch (error) {
      closeFile(fd);
      throw error;
    }
  }

  /** The next record; undefined: none. `overrun`: some were overwritten before they were read, and the next is the oldest left. */
  read(): KernelLogRecord | 'overrun' | undefined {
    for (;;) {
      const sizeBytes = this.#readNext();
      if (sizeBytes === undefined || sizeBytes === 'overrun') return sizeBytes;
      const record = parseKernelLogRecord(new TextDecoder().decode(this.#buffer.subarray(0, sizeBytes)));
      // The kernel writes no others; what can't be read is no message.
      if (record !== undefined) return record;
    }
  }

  #readNext(): number | 'overrun' | undefined {
    try {
      return readFile(this.#messages.fd, this.#buffer);
    } catch (error) {
      if (error instanceof SystemCallError && error.code === 'EPIPE') return 'overrun';
      throw error;
    }
  }

  /** Calls back on this thread's event loop with each record. One callback per object. */
  onRecord(callback: (record: KernelLogRecord | 'overrun') => void): FdWatch {
    return this.#messages.onMessage(callback);
  }

  /** Idempotent. */
  close(): void {
    this.#messages.close();
  }
}

/** Undefined for what is no record. */
export function parseKernelLogRecord(text: string): KernelLogRecord | undefined {
  const head = /^(\d+),(\d+),(\d+),[^;]*;/.exec(text);
  if (head === null) return undefined;
  const [first = '', ...rest] = text.slice(head[0].length).split('\n');
  const [priority, sequence, microseconds] = [Number(head[1]), Number(head[2]), Number(head[3])];
  const properties = new Map<string, string>();
  for (const line of rest) {
    const property = /^ ([^=]+)=(.*)$/.exec(line);
    if (property !== null) properties.set(property[1] ?? '', unescaped(property[2] ?? ''));
  }
  return {
    level: priority & 7,
    facility: priority >> 3,
    sequence,
    microseconds,
    text: unescaped(first),
    properties,
  };
}

/** Bytes that aren't printable ASCII come as `\xNN`. */
function unescaped(text: string): string {
  if (!text.includes('\\x')) return text;
  const bytes = text.replaceAll(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
}
