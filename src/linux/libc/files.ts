import { bindInt, bindLong, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';

/** Flags of open(2) and fcntl(2). Linux include/uapi/asm-generic/fcntl.h. */
export const OpenFlag = {
  readOnly: 0,
  writeOnly: 1,
  readWrite: 2,
  nonBlocking: 0o4000,
  closeOnExec: 0o2000000,
} as const;

const memfdCloseOnExec = 1;
const memfdAllowSealing = 2;
const eventFdCloseOnExec = OpenFlag.closeOnExec;
const eventFdNonBlocking = OpenFlag.nonBlocking;
const addSeals = 1033;
const getDescriptorFlags = 1;
const setDescriptorFlags = 2;
const descriptorCloseOnExec = 1;
const duplicateCloseOnExec = 1030;

const nativeOpen = bindInt('open', ['str', 'int', 'int']);
const nativeClose = bindInt('close', ['int']);
const nativeRead = bindLong('read', ['int', 'void *', 'size_t']);
const nativePread = bindLong('pread', ['int', 'void *', 'size_t', 'int64']);
const nativePwrite = bindLong('pwrite', ['int', 'void *', 'size_t', 'int64']);
const nativeMemfdCreate = bindInt('memfd_create', ['str', 'uint']);
const nativeTruncate = bindInt('ftruncate', ['int', 'int64']);
const nativeSeek = bindLong('lseek', ['int', 'int64', 'int']);
const fromEnd = 2;
const nativeEventFd = bindInt('eventfd', ['uint', 'int']);
const nativeEventFdWrite = bindInt('eventfd_write', ['int', 'int64']);
const nativeFcntl = bindInt('fcntl', ['int', 'int', 'ulong']);

/** open(2), always close-on-exec. */
export function openFile(path: string, flags: number): number {
  const fd = nativeOpen(path, flags | OpenFlag.closeOnExec, 0);
  if (fd < 0) throw new SystemCallError(lastErrno(), 'open', path);
  return fd;
}

export function closeFile(fd: number): void {
  if (nativeClose(fd) < 0) throw new SystemCallError(lastErrno(), 'close', `descriptor ${fd}`);
}

/** read(2): the number of bytes read, or undefined where a non-blocking descriptor has none (EAGAIN). */
export function readFile(fd: number, target: Uint8Array): number | undefined {
  const count = Number(nativeRead(fd, target, target.byteLength));
  if (count >= 0) return count;
  const errno = lastErrno();
  if (errno === 11) return undefined;
  throw new SystemCallError(errno, 'read', `descriptor ${fd}`);
}

/** lseek(2) to the end. */
export function seekToEnd(fd: number): void {
  if (Number(nativeSeek(fd, 0, fromEnd)) < 0) throw new SystemCallError(lastErrno(), 'lseek', `descriptor ${fd}`);
}

/** pread(2): the number of bytes read. */
export function readFileAt(fd: number, target: Uint8Array, offset: number): number {
  const count = Number(nativePread(fd, target, target.byteLength, offset));
  if (count < 0) throw new SystemCallError(lastErrno(), 'pread', `descriptor ${fd} at ${offset}`);
  return count;
}

/** pwrite(2): the number of bytes written. */
export function writeFileAt(fd: number, source: Uint8Array, offset: number): number {
  const count = Number(nativePwrite(fd, source, source.byteLength, offset));
  if (count < 0) throw new SystemCallError(lastErrno(), 'pwrite', `descriptor ${fd} at ${offset}`);
  return count;
}

/** An anonymous file of `sizeBytes`, populated as it is touched. */
export function createMemoryFile(name: string, sizeBytes: number): number {
  const fd = nativeMemfdCreate(name, memfdCloseOnExec | memfdAllowSealing);
  if (fd < 0) throw new SystemCallError(lastErrno(), 'memfd_create', name);
  if (nativeTruncate(fd, sizeBytes) < 0) {
    const error = new SystemCallError(lastErrno(), 'ftruncate', `${name} to ${sizeBytes} bytes`);
    closeFile(fd);
    throw error;
  }
  return fd;
}

/** Seals of a memory file. Linux include/uapi/linux/fcntl.h. */
export const Seal = { seal: 1, shrink: 2, grow: 4, write: 8 } as const;

/** Forbids, for ever and to every holder, what `seals` names. */
export function sealMemoryFile(fd: number, seals: number): void {
  if (nativeFcntl(fd, addSeals, seals) < 0)
    throw new SystemCallError(lastErrno(), 'fcntl F_ADD_SEALS', `descriptor ${fd}`);
}

/** A non-blocking eventfd with count 0. */
export function createEventFd(): number {
  const fd = nativeEventFd(0, eventFdCloseOnExec | eventFdNonBlocking);
  if (fd < 0) throw new SystemCallError(lastErrno(), 'eventfd');
  return fd;
}

/** eventfd_write(3): adds one; at the count's end (2^64 − 2) it stays there. */
export function signalEventFd(fd: number): void {
  if (nativeEventFdWrite(fd, 1) === 0) return;
  const errno = lastErrno();
  if (errno !== 11) throw new SystemCallError(errno, 'write', `descriptor ${fd}`);
}

/** Another descriptor of the same open file, close-on-exec. */
export function duplicateFd(fd: number): number {
  const copy = nativeFcntl(fd, duplicateCloseOnExec, 0);
  if (copy < 0) throw new SystemCallError(lastErrno(), 'fcntl F_DUPFD_CLOEXEC', `descriptor ${fd}`);
  return copy;
}

/** Whether `fd` would be closed by exec. */
export function isCloseOnExec(fd: number): boolean {
  const flags = nativeFcntl(fd, getDescriptorFlags, 0);
  if (flags < 0) throw new SystemCallError(lastErrno(), 'fcntl F_GETFD', `descriptor ${fd}`);
  return (flags & descriptorCloseOnExec) !== 0;
}

/** Makes a descriptor that was inherited close-on-exec, or the other way round. */
export function setCloseOnExec(fd: number, closeOnExec: boolean): void {
  const result = nativeFcntl(fd, setDescriptorFlags, closeOnExec ? descriptorCloseOnExec : 0);
  if (result < 0) throw new SystemCallError(lastErrno(), 'fcntl F_SETFD', `descriptor ${fd}`);
}
