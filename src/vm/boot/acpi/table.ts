/** What all ACPI tables share: the header, little-endian fields, and bytes that sum to zero (ACPI 6.5 section 5.2.6). */

export const HEADER_BYTES = 36;
const Header = {
  length: 4,
  revision: 8,
  checksum: 9,
  oemId: 10,
  oemTableId: 16,
  oemRevision: 24,
  creatorId: 28,
  creatorRevision: 32,
} as const;
export const OEM_ID = 'DDA   ';
const OEM_TABLE_ID = 'DDAGUEST';
const CREATOR_ID = 'DDA ';
const OEM_REVISION = 1;

export interface AcpiTable {
  /** Four characters. */
  readonly signature: string;
  readonly bytes: Uint8Array;
}

export function putText(bytes: Uint8Array, at: number, text: string): void {
  new TextEncoder().encodeInto(text, bytes.subarray(at, at + text.length));
}

/** Sets the byte at `checksumAt` so that the first `sizeBytes` bytes sum to 0 modulo 256. */
export function seal(bytes: Uint8Array, checksumAt: number, sizeBytes: number): void {
  bytes[checksumAt] = 0;
  const sum = bytes.subarray(0, sizeBytes).reduce((total, byte) => total + byte, 0);
  bytes[checksumAt] = -sum & 0xff;
}

/** A whole table: the header, then `body`. */
export function makeTable(signature: string, revision: number, body: ArrayLike<number>): AcpiTable {
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  const view = new DataView(bytes.buffer);
  putText(bytes, 0, signature);
  view.setUint32(Header.length, bytes.length, true);
  view.setUint8(Header.revision, revision);
  putText(bytes, Header.oemId, OEM_ID);
  putText(bytes, Header.oemTableId, OEM_TABLE_ID);
  view.setUint32(Header.oemRevision, OEM_REVISION, true);
  putText(bytes, Header.creatorId, CREATOR_ID);
  view.setUint32(Header.creatorRevision, OEM_REVISION, true);
  bytes.set(body, HEADER_BYTES);
  seal(bytes, Header.checksum, bytes.length);
  return { signature, bytes };
}
