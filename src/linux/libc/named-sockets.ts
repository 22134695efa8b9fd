import { bindInt, bindLong, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';
import { familyUnix, unixAddress } from './unix-address.ts';

/** Linux include/linux/socket.h, include/linux/net.h and include/uapi/linux/netlink.h. */
const familyNetlink = 16;
const kind = { raw: 3, sequencedPackets: 5 } as const;
const nonBlockingCloseOnExec = 0o4000 | 0o2000000;
const kernelEvents = 15;
/** Linux include/uapi/asm-generic/socket.h. */
const socketLevel = 1;
const receiveBufferForced = 33;
const errno = { again: 11, noSuchFile: 2, refused: 111, noBuffers: 105 } as const;

/** struct sockaddr_nl: family 0:2, port 4:4, groups 8:4. */
const netlinkAddressSizeBytes = 12;
const uint32SizeBytes = 4;

const nativeSocket = bindInt('socket', ['int', 'int', 'int']);
const nativeBind = bindInt('bind', ['int', 'void *', 'uint']);
const nativeListen = bindInt('listen', ['int', 'int']);
const nativeAccept = bindInt('accept4', ['int', 'void *', 'void *', 'int']);
const nativeConnect = bindInt('connect', ['int', 'void *', 'uint']);
const nativeSetOption = bindInt('setsockopt', ['int', 'int', 'int', 'void *', 'uint']);
const nativeReceiveFrom = bindLong('recvfrom', ['int', 'void *', 'size_t', 'int', 'void *', 'void *']);

/** A non-blocking, close-on-exec socket that keeps message boundaries (AF_UNIX, SOCK_SEQPACKET), of no name yet. */
export function createPacketSocket(): number {
  return createSocket(familyUnix, kind.sequencedPackets, 0);
}

/** Makes the file `path`, which must not be there (EADDRINUSE), and lets `backlog` connections wait for an accept. */
export function bindAndListen(socket: number, path: string, backlog: number): void {
  const address = unixAddress(path);
  if (nativeBind(socket, address, address.byteLength) < 0) throw new SystemCallError(lastErrno(), 'bind', path);
  if (nativeListen(socket, backlog) < 0) throw new SystemCallError(lastErrno(), 'listen', path);
}

/** accept4(2): a non-blocking, close-on-exec connection; undefined where none waits. */
export function acceptConnection(listener: number): number | undefined {
  const fd = nativeAccept(listener, null, null, nonBlockingCloseOnExec);
  if (fd >= 0) return fd;
  const reason = lastErrno();
  if (reason === errno.again) return undefined;
  throw new SystemCallError(reason, 'accept');
}

/** connect(2). `nobody`: nobody listens there, or there is no such file. `busy`: too many wait for an accept already. */
export function connectTo(socket: number, path: string): 'connected' | 'nobody' | 'busy' {
  const address = unixAddress(path);
  if (nativeConnect(socket, address, address.byteLength) === 0) return 'connected';
  const reason = lastErrno();
  if (reason === errno.again) return 'busy';
  if (reason === errno.refused || reason === errno.noSuchFile) return 'nobody';
  throw new SystemCallError(reason, 'connect', path);
}

/** A non-blocking socket that hears the kernel's own uevents (NETLINK_KOBJECT_UEVENT, group 1). */
export function createUeventSocket(): number {
  const fd = createSocket(familyNetlink, kind.raw, kernelEvents);
  const address = new Uint8Array(new ArrayBuffer(netlinkAddressSizeBytes));
  const view = new DataView(address.buffer);
  view.setUint16(0, familyNetlink, true);
  view.setUint32(8, 1, true);
  if (nativeBind(fd, address, address.byteLength) < 0) throw new SystemCallError(lastErrno(), 'bind', 'kernel uevents');
  return fd;
}

/** Room for what has arrived and was not read yet, beyond what the system allows everybody. Needs CAP_NET_ADMIN (EPERM). */
export function forceReceiveBuffer(socket: number, sizeBytes: number): void {
  const bytes = new Uint8Array(new ArrayBuffer(uint32SizeBytes));
  new DataView(bytes.buffer).setUint32(0, sizeBytes, true);
  if (nativeSetOption(socket, socketLevel, receiveBufferForced, bytes, bytes.byteLength) < 0) {
    throw new SystemCallError(lastErrno(), 'setsockopt SO_RCVBUFFORCE', `${sizeBytes} bytes`);
  }
}

/** One netlink datagram. `overrun`: some were lost because nobody read in time. `senderPort` 0: the kernel. */
export function receiveDatagram(
  socket: number,
  target: Uint8Array,
): { readonly sizeBytes: number; readonly senderPort: number } | 'overrun' | undefined {
  const sender = new Uint8Array(new ArrayBuffer(netlinkAddressSizeBytes));
  const length = new Uint8Array(new ArrayBuffer(uint32SizeBytes));
  new DataView(length.buffer).setUint32(0, sender.byteLength, true);
  const sizeBytes = Number(nativeReceiveFrom(socket, target, target.byteLength, 0, sender, length));
  if (sizeBytes >= 0) return { sizeBytes, senderPort: new DataView(sender.buffer).getUint32(4, true) };
  const reason = lastErrno();
  if (reason === errno.again) return undefined;
  if (reason === errno.noBuffers) return 'overrun';
  throw new SystemCallError(reason, 'recvfrom', `descriptor ${socket}`);
}

function createSocket(domain: number, type: number, protocol: number): number {
  const fd = nativeSocket(domain, type | nonBlockingCloseOnExec, protocol);
  if (fd < 0) throw new SystemCallError(lastErrno(), 'socket', `of family ${domain}`);
  return fd;
}
