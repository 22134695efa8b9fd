/** Linux include/linux/socket.h. */
export const familyUnix = 1;
/** struct sockaddr_un: family 0:2, path 2:108 with its end (Linux include/uapi/linux/un.h). */
const maxPathBytes = 107;

/** struct sockaddr_un of a path. One that begins with `@` is a name without a file (unix(7), abstract). Throws RangeError. */
export function unixAddress(path: string): Uint8Array {
  const name = new TextEncoder().encode(path);
  if (name.byteLength === 0 || name.byteLength > maxPathBytes || name.includes(0)) {
    throw new RangeError(`a socket's path has 1 to ${maxPathBytes} bytes and no zero in it; "${path}" is none`);
  }
  const isAbstract = path.startsWith('@');
  if (isAbstract) name[0] = 0;
  // The kernel takes every byte of an abstract name for a part of it.
  const bytes = new Uint8Array(new ArrayBuffer(2 + name.byteLength + (isAbstract ? 0 : 1)));
  new DataView(bytes.buffer).setUint16(0, familyUnix, true);
  bytes.set(name, 2);
  return bytes;
}
