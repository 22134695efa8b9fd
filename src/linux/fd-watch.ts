import koffi from 'koffi';

/** A descriptor that this thread's event loop watches. */
export interface FdWatch {
  /** Whether the watch alone keeps the event loop, and so the process, running. It does unless told otherwise. */
  keepAlive(keep: boolean): void;
  /** Stops watching. Idempotent. The descriptor stays open: it is closed by its owner, after this. */
  stop(): void;
}

/**
 * Calls `onReadable` on this thread's event loop for as long as `fd` has something to read or its other end is gone:
 * read it empty in there, or it is called again at once.
 */
export function watchReadable(fd: number, onReadable: () => void): FdWatch {
  return watch(fd, { readable: true, disconnect: true }, onReadable);
}

/** The same for as long as `fd` takes something to write, or its other end is gone. */
export function watchWritable(fd: number, onWritable: () => void): FdWatch {
  return watch(fd, { writable: true, disconnect: true }, onWritable);
}

function watch(
  fd: number,
  events: { readable?: boolean; writable?: boolean; disconnect: boolean },
  callback: () => void,
): FdWatch {
  const handle = koffi.node.poll(fd, events, () => callback());
  let stopped = false;
  return {
    keepAlive(keep) {
      if (stopped) return;
      if (keep) handle.ref();
      else handle.unref();
    },
    stop() {
      if (stopped) return;
      stopped = true;
      handle.stop();
      handle.close();
    },
  };
}
