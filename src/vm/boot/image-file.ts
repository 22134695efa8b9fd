import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { BootError, BootErrorCode } from './boot-error.ts';

/**
 * A file of which only what is needed is read, and each part right to where it is to be: a kernel's segments to guest RAM.
 */
export interface ImageFile {
  readonly sizeBytes: number;
  /** Fills `target` from `offset` on. @throws BootError `kernel-truncated`, `kernel-unreadable`. */
  read(offset: number, target: Uint8Array): void;
}

/** The first bytes of a file, `sizeBytes` of them or as many as there are. @throws as {@link ImageFile.read}. */
export function readHead(file: ImageFile, sizeBytes: number): Uint8Array {
  const head = new Uint8Array(Math.min(sizeBytes, file.sizeBytes));
  file.read(0, head);
  return head;
}

export function readAll(file: ImageFile): Uint8Array {
  return readHead(file, file.sizeBytes);
}

/** An open file; it has to stay open for as long as it is read from, and its place in the file stays as it is. */
export function openImageFile(fd: number): ImageFile {
  const { size } = fstatSync(fd);
  return { sizeBytes: size, read: (offset, target) => fill(fd, offset, target) };
}

/**
 * A file by its path. It is opened for each part that is read, so that nobody need close it; what was put in its place
 * meanwhile is not taken for it.
 *
 * @throws what open(2) refuses with; when it is read, BootError alone.
 */
export function imageFileAt(path: string): ImageFile {
  const known = withOpen(path, identityOf);
  return {
    sizeBytes: known.sizeBytes,
    read: (offset, target) => {
      try {
        withOpen(path, (fd) => {
          if (identityOf(fd).version !== known.version) throw changedMeanwhile(path);
          fill(fd, offset, target);
        });
      } catch (cause) {
        throw cause instanceof BootError ? cause : unreadable(path, cause);
      }
    },
  };
}

function withOpen<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, 'r');
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function identityOf(fd: number): { readonly sizeBytes: number; readonly version: string } {
  const { dev, ino, size, mtimeNs } = fstatSync(fd, { bigint: true });
  return { sizeBytes: Number(size), version: [dev, ino, size, mtimeNs].join() };
}

function fill(fd: number, offset: number, target: Uint8Array): void {
  for (let done = 0; done < target.byteLength; ) {
    const count = readSync(fd, target, done, target.byteLength - done, offset + done);
    if (count === 0) throw endsTooEarly(offset + target.byteLength, offset + done);
    done += count;
  }
}

function endsTooEarly(wantedBytes: number, sizeBytes: number): BootError {
  return new BootError(
    BootErrorCode.kernelTruncated,
    `The kernel file ends too early: one of its parts ends at byte ${wantedBytes}, ${sizeBytes} are there. Copy it again.`,
  );
}

/** Why the kernel at `path` can't be read. */
export function unreadable(path: string, cause: unknown): BootError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new BootError(
    BootErrorCode.kernelUnreadable,
    `The kernel ${path} can't be read: ${reason}. Name another, or change its permissions.`,
    { cause },
  );
}

function changedMeanwhile(path: string): BootError {
  return new BootError(
    BootErrorCode.kernelUnreadable,
    `The kernel ${path} can't be read: it was changed while the guest was being prepared. Start the guest again.`,
  );
}
