import { addressOf, bindInt, bindIntAsync, heldUntilHere, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';

const nativeIoctlInteger = bindInt('ioctl', ['int', 'ulong', 'ulong']);
const nativeIoctlPointer = bindInt('ioctl', ['int', 'ulong', 'void *']);
const nativeIoctlAside = bindIntAsync('ioctl', ['int', 'ulong', 'uintptr_t']);

/** An ioctl: its number and the name that errors show. */
export interface Ioctl {
  readonly name: string;
  readonly number: number;
}

/** An ioctl whose argument is a value. Returns its non-negative result. */
export function ioctlValue(fd: number, request: Ioctl, value: number | bigint): number {
  const result = nativeIoctlInteger(fd, request.number, value);
  if (result < 0) throw new SystemCallError(lastErrno(), request.name);
  return result;
}

/** An ioctl whose argument is a structure, read and filled in place. Returns its non-negative result. */
export function ioctlStruct(fd: number, request: Ioctl, argument: Uint8Array, detail?: string): number {
  const result = nativeIoctlPointer(fd, request.number, argument);
  if (result < 0) throw new SystemCallError(lastErrno(), request.name, detail);
  return result;
}

/**
 * The same on a thread of Node's pool, while this one goes on; `fd` must stay open until it is done. What is refused is asked for
 * once more on this thread, which alone can learn why: so the call must be one that may be repeated after a refusal.
 */
export async function ioctlStructAside(
  fd: number,
  request: Ioctl,
  argument: Uint8Array,
  detail?: string,
): Promise<number> {
  // Small arrays may be moved by the collector; the memory of a buffer that is shared never is.
  const settled = new Uint8Array(new SharedArrayBuffer(argument.byteLength));
  settled.set(argument);
  const result = await nativeIoctlAside(fd, request.number, addressOf(settled));
  heldUntilHere(settled);
  if (result < 0) return ioctlStruct(fd, request, argument, detail);
  argument.set(settled);
  return result;
}

/** Like {@link ioctlValue}, but gives −errno for a refusal and allocates nothing: for loops that live on EINTR. */
export function ioctlRaw(fd: number, requestNumber: number, value: number): number {
  const result = nativeIoctlInteger(fd, requestNumber, value);
  return result < 0 ? -lastErrno() : result;
}
