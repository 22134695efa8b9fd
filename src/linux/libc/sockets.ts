import { addressOf, bindInt, bindLong, heldUntilHere, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';

/** Linux include/linux/socket.h and include/linux/net.h. */
const familyUnix = 1;
const sequencedPackets = 5;
const nonBlockingCloseOnExec = 0o4000 | 0o2000000;
const socketLevel = 1;
const passedRights = 1;
const noSignal = 0x4000;
const closeOnExecMessage = 0x4000_0000;
const truncatedControl = 8;
const truncatedPayload = 0x20;
const wouldBlock = 11;

/** x86-64: msghdr 56 bytes, iov 16:8, iovlen 24:8, control 32:8, controllen 40:8, flags 48:4; cmsghdr 16: len 0:8, level 8:4, type 12:4. */
const messageHeaderSizeBytes = 56;
const controlHeaderSizeBytes = 16;

/** SCM_MAX_FD of Linux include/net/scm.h. */
export const maxPassedFds = 253;

const nativeSocketPair = bindInt('socketpair', ['int', 'int', 'int', 'void *']);
const nativeSend = bindLong('sendmsg', ['int', 'void *', 'int']);
const nativeReceive = bindLong('recvmsg', ['int', 'void *', 'int']);

/** Two connected, non-blocking, close-on-exec sockets that keep message boundaries (AF_UNIX, SOCK_SEQPACKET). */
export function createSocketPair(): [number, number] {
  const fds = new Int32Array(2);
  const bytes = new Uint8Array(fds.buffer);
  if (nativeSocketPair(familyUnix, sequencedPackets | nonBlockingCloseOnExec, 0, bytes) < 0) {
    throw new SystemCallError(lastErrno(), 'socketpair');
  }
  return [fds[0] ?? -1, fds[1] ?? -1];
}

/** One message header with its buffers, kept together because the header holds only their addresses. */
class MessageFrame {
  readonly header = new Uint8Array(messageHeaderSizeBytes);
  readonly #vector = new Uint8Array(16);
  readonly #view = new DataView(this.header.buffer);
  readonly payload: Uint8Array;
  readonly control: Uint8Array;

  constructor(payload: Uint8Array, control: Uint8Array) {
    this.payload = payload;
    this.control = control;
    const vector = new DataView(this.#vector.buffer);
    vector.setBigUint64(0, addressOf(payload), true);
    vector.setBigUint64(8, BigInt(payload.byteLength), true);
    this.#view.setBigUint64(16, addressOf(this.#vector), true);
    this.#view.setBigUint64(24, 1n, true);
    if (control.byteLength === 0) return;
    this.#view.setBigUint64(32, addressOf(control), true);
    this.#view.setBigUint64(40, BigInt(control.byteLength), true);
  }

  heldUntilHere(): void {
    heldUntilHere(this.#vector, this.payload, this.control);
  }

  get controlSizeBytes(): number {
    return Number(this.#view.getBigUint64(40, true));
  }

  get flags(): number {
    return this.#view.getInt32(48, true);
  }
}

/** sendmsg(2) with SCM_RIGHTS: false where the socket takes nothing now (EAGAIN). The payload must not be empty. */
export function sendMessage(socket: number, payload: Uint8Array, fds: readonly number[]): boolean {
  const control = new Uint8Array(fds.length === 0 ? 0 : controlHeaderSizeBytes + align8(fds.length * 4));
  if (fds.length > 0) {
    const view = new DataView(control.buffer);
    view.setBigUint64(0, BigInt(controlHeaderSizeBytes + fds.length * 4), true);
    view.setInt32(8, socketLevel, true);
    view.setInt32(12, passedRights, true);
    fds.forEach((fd, i) => view.setInt32(controlHeaderSizeBytes + i * 4, fd, true));
  }
  const frame = new MessageFrame(payload, control);
  const sent = Number(nativeSend(socket, frame.header, noSignal));
  const errno = lastErrno();
  frame.heldUntilHere();
  if (sent >= 0) return true;
  if (errno === wouldBlock) return false;
  throw new SystemCallError(errno, 'sendmsg', `${payload.byteLength} bytes, ${fds.length} descriptors`);
}

/** What recvmsg(2) gave. `truncated`: the sender's message did not fit; its descriptors that did fit are in `fds`. */
export interface ReceivedMessage {
  readonly payload: Uint8Array;
  readonly fds: number[];
  readonly truncated: boolean;
}

/** recvmsg(2): undefined where nothing is there (EAGAIN). An empty payload means the other end is closed. */
export function receiveMessage(socket: number, maxBytes: number, maxFds: number): ReceivedMessage | undefined {
  const control = new Uint8Array(maxFds === 0 ? 0 : controlHeaderSizeBytes + align8(maxFds * 4));
  const frame = new MessageFrame(new Uint8Array(new ArrayBuffer(maxBytes)), control);
  const count = Number(nativeReceive(socket, frame.header, closeOnExecMessage));
  const errno = lastErrno();
  frame.heldUntilHere();
  if (count < 0) {
    if (errno === wouldBlock) return undefined;
    throw new SystemCallError(errno, 'recvmsg');
  }
  return {
    payload: frame.payload.subarray(0, count),
    fds: passedFds(control, frame.controlSizeBytes),
    truncated: (frame.flags & (truncatedControl | truncatedPayload)) !== 0,
  };
}

/** The kernel writes one control message of descriptors at most: no other kind was asked for. */
function passedFds(control: Uint8Array, controlSizeBytes: number): number[] {
  if (controlSizeBytes < controlHeaderSizeBytes) return [];
  const view = new DataView(control.buffer);
  if (view.getInt32(8, true) !== socketLevel || view.getInt32(12, true) !== passedRights) return [];
  const end = Number(view.getBigUint64(0, true));
  const fds: number[] = [];
  for (let offset = controlHeaderSizeBytes; offset + 4 <= end; offset += 4) fds.push(view.getInt32(offset, true));
  return fds;
}

function align8(sizeBytes: number): number {
  return (sizeBytes + 7) & ~7;
}
