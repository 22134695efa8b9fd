import { closeFile } from '../libc/files.ts';
import { bindInt, bindLong, lastErrno } from '../libc/library.ts';
import { SystemCallError } from '../libc/system-call-error.ts';
import { netlinkError, netlinkKind } from './message.ts';

/** Linux include/linux/socket.h and include/uapi/linux/netlink.h. */
const familyNetlink = 16;
const rawCloseOnExec = 3 | 0o2000000;
const routeProtocol = 0;
/** A link with 256 virtual functions takes some 100 KiB; longer answers are cut, which `recv` says by their true size. */
const answerBytes = 1024 * 1024;
const truncateFlag = 0x20;

const nativeSocket = bindInt('socket', ['int', 'int', 'int']);
const nativeSend = bindLong('send', ['int', 'void *', 'size_t', 'int']);
const nativeReceive = bindLong('recv', ['int', 'void *', 'size_t', 'int']);

/**
 * Sends each message to the kernel's routing and links (rtnetlink) and waits for its answer: a message that isn't an
 * acknowledgement, or an empty one for an acknowledgement. May wait for whoever has the kernel's lock on links: call it from a
 * process that nothing waits for. Throws {@link SystemCallError} with the kernel's own errno for the first that is refused.
 */
export function exchangeRouteMessages(messages: readonly Uint8Array[]): Uint8Array[] {
  const fd = nativeSocket(familyNetlink, rawCloseOnExec, routeProtocol);
  if (fd < 0) throw new SystemCallError(lastErrno(), 'socket', 'AF_NETLINK');
  try {
    const room = new Uint8Array(answerBytes);
    return messages.map((message) => exchange(fd, message, room));
  } finally {
    closeFile(fd);
  }
}

function exchange(fd: number, message: Uint8Array, room: Uint8Array): Uint8Array {
  if (Number(nativeSend(fd, message, message.byteLength, 0)) < 0)
    throw new SystemCallError(lastErrno(), 'send', 'rtnetlink');
  const count = Number(nativeReceive(fd, room, room.byteLength, truncateFlag));
  if (count < 0) throw new SystemCallError(lastErrno(), 'recv', 'rtnetlink');
  if (count > room.byteLength) throw new RangeError(`rtnetlink answered with ${count} bytes.`);
  const answer = room.slice(0, count);
  const errno = netlinkError(answer);
  if (errno === undefined) return answer;
  if (errno !== 0) throw new SystemCallError(errno, netlinkKind(message));
  return new Uint8Array(0);
}
