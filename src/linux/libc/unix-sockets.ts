import { closeFile } from './files.ts';
import { bindInt, bindLong, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';
import { familyUnix, unixAddress } from './unix-address.ts';

/** Linux include/linux/socket.h, include/linux/net.h, include/uapi/asm-generic/socket.h. */
const datagrams = 2;
const nonBlockingCloseOnExec = 0o4000 | 0o2000000;
const socketLevel = 1;
const peerCredentialsOption = 17;
const peerGroupsOption = 59;
const noSignal = 0x4000;
/** NGROUPS_MAX of Linux include/uapi/linux/limits.h. */
const maxGroups = 65_536;

const nativeSocket = bindInt('socket', ['int', 'int', 'int']);
const nativeBind = bindInt('bind', ['int', 'void *', 'uint']);
const nativeSendTo = bindLong('sendto', ['int', 'void *', 'size_t', 'int', 'void *', 'uint']);
const nativeReceive = bindLong('recv', ['int', 'void *', 'size_t', 'int']);
const nativeGetOption = bindInt('getsockopt', ['int', 'int', 'int', 'void *', 'void *']);

/** Who is at the other end of a Unix socket, as the kernel noted it when they connected; for who connected, who called listen. */
export interface SocketPeer {
  /** 0: a process that this one can't see (another PID namespace). */
  readonly processId: number;
  readonly userId: number;
  /** The process's own group first, then those that it is in besides. */
  readonly groupIds: readonly number[];
}

/** SO_PEERCRED and SO_PEERGROUPS of a connected Unix socket. */
export function socketPeer(socket: number): SocketPeer {
  const credentials = new DataView(getOption(socket, peerCredentialsOption, 12).buffer);
  const groups = new Uint32Array(getOption(socket, peerGroupsOption, maxGroups * 4).slice().buffer);
  return {
    processId: credentials.getInt32(0, true),
    userId: credentials.getUint32(4, true),
    groupIds: [credentials.getUint32(8, true), ...groups],
  };
}

function getOption(socket: number, option: number, maxBytes: number): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(new ArrayBuffer(maxBytes));
  const size = new Uint8Array(new Uint32Array([maxBytes]).buffer);
  if (nativeGetOption(socket, socketLevel, option, value, size) < 0) {
    throw new SystemCallError(lastErrno(), 'getsockopt', `option ${option}`);
  }
  return value.subarray(0, new DataView(size.buffer).getUint32(0, true));
}

/** Sends one datagram to a Unix socket, without waiting. Throws SystemCallError: ENOENT, ECONNREFUSED, EAGAIN … */
export function sendDatagram(path: string, payload: Uint8Array): void {
  const address = unixAddress(path);
  const socket = openDatagramSocket();
  try {
    if (Number(nativeSendTo(socket, payload, payload.byteLength, noSignal, address, address.byteLength)) < 0) {
      throw new SystemCallError(lastErrno(), 'sendto', path);
    }
  } finally {
    closeFile(socket);
  }
}

/** A datagram socket bound to `path`; the caller closes it. */
export function bindDatagramSocket(path: string): number {
  const address = unixAddress(path);
  const socket = openDatagramSocket();
  if (nativeBind(socket, address, address.byteLength) < 0) {
    const errno = lastErrno();
    closeFile(socket);
    throw new SystemCallError(errno, 'bind', path);
  }
  return socket;
}

/** The next datagram; undefined: none is there. */
export function receiveDatagram(socket: number, maxBytes: number): Uint8Array | undefined {
  const payload = new Uint8Array(new ArrayBuffer(maxBytes));
  const count = Number(nativeReceive(socket, payload, maxBytes, 0));
  return count < 0 ? undefined : payload.subarray(0, count);
}

function openDatagramSocket(): number {
  const socket = nativeSocket(familyUnix, datagrams | nonBlockingCloseOnExec, 0);
  if (socket < 0) throw new SystemCallError(lastErrno(), 'socket');
  return socket;
}
