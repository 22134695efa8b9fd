/**
 * Netlink messages, in this machine's byte order (little-endian on x86-64). Linux include/uapi/linux/netlink.h: a header, and for
 * links struct ifinfomsg, then attributes of 16-bit length and type, each padded to four bytes.
 */
const headerLayout = { length: 0, type: 4, flags: 6, sequence: 8 } as const;
const headerSizeBytes = 16;
const linkLayout = { index: 4 } as const;
const linkSizeBytes = 16;
const attributeHeaderBytes = 4;
const attributeTypeMask = 0x3fff;

/** Linux include/uapi/linux/rtnetlink.h. */
export const LinkMessage = { newLink: 16, getLink: 18, setLink: 19 } as const;
const names: ReadonlyMap<number, string> = new Map([
  [LinkMessage.getLink, 'RTM_GETLINK'],
  [LinkMessage.setLink, 'RTM_SETLINK'],
]);
const errorType = 2;
const requestFlag = 1;
const acknowledgeFlag = 4;

export interface Attribute {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** A message about the link with that index. A change is acknowledged by the kernel, a question answered. */
export function encodeLinkMessage(type: number, interfaceIndex: number, attributes: readonly Attribute[]): Uint8Array {
  const body = encodeAttributes(attributes);
  const bytes = new Uint8Array(headerSizeBytes + linkSizeBytes + body.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(headerLayout.length, bytes.byteLength, true);
  view.setUint16(headerLayout.type, type, true);
  view.setUint16(headerLayout.flags, requestFlag | (type === LinkMessage.getLink ? 0 : acknowledgeFlag), true);
  view.setUint32(headerLayout.sequence, 1, true);
  view.setInt32(headerSizeBytes + linkLayout.index, interfaceIndex, true);
  bytes.set(body, headerSizeBytes + linkSizeBytes);
  return bytes;
}

/** Attributes one after another; what a nested attribute has for its payload. */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const sizes = attributes.map(({ payload }) => align4(attributeHeaderBytes + payload.byteLength));
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [index, { type, payload }] of attributes.entries()) {
    view.setUint16(at, attributeHeaderBytes + payload.byteLength, true);
    view.setUint16(at + 2, type, true);
    bytes.set(payload, at + attributeHeaderBytes);
    at += sizes[index] ?? 0;
  }
  return bytes;
}

/** Throws RangeError for attributes that don't fit into each other. */
export function decodeAttributes(bytes: Uint8Array): Attribute[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const attributes: Attribute[] = [];
  for (let at = 0; at + attributeHeaderBytes <= bytes.byteLength; ) {
    const length = view.getUint16(at, true);
    if (length < attributeHeaderBytes || at + length > bytes.byteLength) {
      throw new RangeError(`An attribute of ${length} bytes where ${bytes.byteLength - at} are left.`);
    }
    const type = view.getUint16(at + 2, true) & attributeTypeMask;
    attributes.push({ type, payload: bytes.subarray(at + attributeHeaderBytes, at + length) });
    at += align4(length);
  }
  return attributes;
}

export interface DecodedLinkMessage {
  readonly type: number;
  readonly interfaceIndex: number;
  readonly attributes: readonly Attribute[];
}

/** Throws RangeError for bytes that are no message about a link. */
export function decodeLinkMessage(bytes: Uint8Array): DecodedLinkMessage {
  if (bytes.byteLength < headerSizeBytes + linkSizeBytes)
    throw new RangeError(`A link message of ${bytes.byteLength} bytes.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Math.min(view.getUint32(headerLayout.length, true), bytes.byteLength);
  return {
    type: view.getUint16(headerLayout.type, true),
    interfaceIndex: view.getInt32(headerSizeBytes + linkLayout.index, true),
    attributes: decodeAttributes(bytes.subarray(headerSizeBytes + linkSizeBytes, length)),
  };
}

/** The errno of an acknowledgement, 0 for a good one; undefined for another message. */
export function netlinkError(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < headerSizeBytes + 4 || view.getUint16(headerLayout.type, true) !== errorType) return undefined;
  return Math.abs(view.getInt32(headerSizeBytes, true));
}

/** `RTM_SETLINK`, for errors. */
export function netlinkKind(message: Uint8Array): string {
  const type = new DataView(message.buffer, message.byteOffset, message.byteLength).getUint16(headerLayout.type, true);
  return names.get(type) ?? `netlink message ${type}`;
}

const align4 = (sizeBytes: number): number => (sizeBytes + 3) & ~3;
