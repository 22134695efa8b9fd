import type { FdWatch } from './fd-watch.ts';
import { closeFile } from './libc/files.ts';
import { createUeventSocket, forceReceiveBuffer, receiveDatagram } from './libc/named-sockets.ts';
import { SystemCallError } from './libc/system-call-error.ts';
import { MessageWatch } from './message-watch.ts';

/** What the kernel says of a device that comes, goes or changes. */
export interface Uevent {
  /** `add`, `remove`, `change`, `move`, `bind`, `unbind`, `online`, `offline`. */
  readonly action: string;
  /** Below /sys: `/devices/pci0000:00/0000:00:02.0/0000:01:00.0`. */
  readonly devicePath: string;
  /** `pci`, `vfio`, … */
  readonly subsystem: string;
  readonly sequence: number;
  /** All of it, `PCI_SLOT_NAME`, `DRIVER` and the rest. */
  readonly properties: ReadonlyMap<string, string>;
}

/** UEVENT_BUFFER_SIZE and the header (Linux include/linux/kobject.h) are 2 KiB and a path. */
const maxEventBytes = 8192;
/** Room for some thousands that come while this process does something else. */
const receiveBufferBytes = 4 * 1024 * 1024;
const eventsPerTurn = 128;

/** The kernel's uevents from now on, as they are before udev has seen them. */
export class UeventSocket {
  readonly #messages: MessageWatch<Uevent | 'overrun'>;
  readonly #buffer = new Uint8Array(new ArrayBuffer(maxEventBytes));

  private constructor(fd: number) {
    this.#messages = new MessageWatch(fd, eventsPerTurn, () => this.read());
  }

  /** Throws {@link SystemCallError}. Without CAP_NET_ADMIN there is less room, so an overrun comes sooner. */
  static open(): UeventSocket {
    const fd = createUeventSocket();
    try {
      forceReceiveBuffer(fd, receiveBufferBytes);
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.code !== 'EPERM') {
        closeFile(fd);
        throw error;
      }
    }
    return new UeventSocket(fd);
  }

  /** The next event; undefined: none. `overrun`: some were lost; whoever keeps a picture of the machine looks at all of it anew. */
  read(): Uevent | 'overrun' | undefined {
    for (;;) {
      const received = receiveDatagram(this.#messages.fd, this.#buffer);
      if (received === undefined || received === 'overrun') return received;
      // Processes with CAP_NET_ADMIN can send here too; only the kernel is asked.
      if (received.senderPort !== 0) continue;
      const event = parseUevent(this.#buffer.subarray(0, received.sizeBytes));
      if (event !== undefined) return event;
    }
  }

  /** Calls back on this thread's event loop with each event. One callback per object. */
  onEvent(callback: (event: Uevent | 'overrun') => void): FdWatch {
    return this.#messages.onMessage(callback);
  }

  /** Idempotent. */
  close(): void {
    this.#messages.close();
  }
}

/** `ACTION@PATH`, then `KEY=VALUE` each with a zero behind it (Linux lib/kobject_uevent.c). Undefined for anything else. */
export function parseUevent(bytes: Uint8Array): Uevent | undefined {
  const [head = '', ...lines] = new TextDecoder().decode(bytes).split('\0');
  const at = head.indexOf('@');
  if (at <= 0) return undefined;
  const properties = new Map<string, string>();
  for (const line of lines) {
    const equals = line.indexOf('=');
    if (equals > 0) properties.set(line.slice(0, equals), line.slice(equals + 1));
  }
  const [subsystem, sequence] = [properties.get('SUBSYSTEM'), Number(properties.get('SEQNUM'))];
  if (subsystem === undefined || !Number.isSafeInteger(sequence)) return undefined;
  return { action: head.slice(0, at), devicePath: head.slice(at + 1), subsystem, sequence, properties };
}
