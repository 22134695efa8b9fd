/**
 * Captures for Wireshark: pcapng (draft-ietf-opsawg-pcapng), little-endian, one interface of link type USER0, a record a packet.
 * docs/trace.md has the record, `dissector/` what makes Wireshark read it.
 */
import { MAX_RECORD_PAYLOAD_BYTES, PACKET_RECORD } from './record-layouts.ts';

/** LINKTYPE_USER0: for private use, and what the dissector registers itself for. */
export const LINK_TYPE = 147;

const BlockType = { section: 0x0a0d_0d0a, interface: 1, enhancedPacket: 6, statistics: 5 } as const;
const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
const Option = {
  comment: 1,
  sectionHardware: 2,
  sectionOs: 3,
  sectionApplication: 4,
  interfaceName: 2,
  interfaceDescription: 3,
  interfaceTimeResolution: 9,
  packetDropCount: 4,
  statisticsReceived: 4,
  statisticsDropped: 5,
} as const;
const NANOSECONDS = 9;
const NO_LENGTH = 0xffff_ffff;
const GREATEST_LENGTH = 0xffff_ffff;
/** Record headers are shorter than 4 KiB, whatever kind. */
const SNAP_BYTES = MAX_RECORD_PAYLOAD_BYTES + PACKET_RECORD.sizeBytes + 4096;

interface BlockOption {
  readonly code: number;
  readonly value: Uint8Array;
}

/** What a capture says about itself. */
export interface CaptureFacts {
  readonly vm: string;
  /** Of dda. */
  readonly version: string;
}

/** What a capture begins with. */
export function captureStart({ vm, version }: CaptureFacts): Uint8Array {
  const section = new Uint8Array(16);
  const sectionView = new DataView(section.buffer);
  sectionView.setUint32(0, BYTE_ORDER_MAGIC, true);
  sectionView.setUint16(4, 1, true);
  sectionView.setUint32(8, NO_LENGTH, true);
  sectionView.setUint32(12, NO_LENGTH, true);
  const face = new Uint8Array(8);
  const faceView = new DataView(face.buffer);
  faceView.setUint16(0, LINK_TYPE, true);
  faceView.setUint32(4, SNAP_BYTES, true);
  return joined([
    block(BlockType.section, section, [
      words(Option.sectionHardware, 'x86-64'),
      words(Option.sectionOs, 'Linux'),
      words(Option.sectionApplication, `dda ${version}`),
      words(Option.comment, `trace of the VM ${vm}`),
    ]),
    block(BlockType.interface, face, [
      words(Option.interfaceName, vm),
      words(Option.interfaceDescription, `hypercalls, VMBus and vPCI of the VM ${vm}`),
      { code: Option.interfaceTimeResolution, value: Uint8Array.of(NANOSECONDS) },
    ]),
  ]);
}

/**
 * One record; `lost`: records before it that are gone; `originalBytes`: its length before anything was cut off, where a VM process may say
 * anything: longer than the field can tell is as long as it can.
 */
export function capturePacket(record: Uint8Array, timeNs: bigint, originalBytes: number, lost: number): Uint8Array {
  const body = new Uint8Array(20 + padded(record.byteLength));
  const view = new DataView(body.buffer);
  view.setUint32(4, Number(BigInt.asUintN(32, timeNs >> 32n)), true);
  view.setUint32(8, Number(BigInt.asUintN(32, timeNs)), true);
  view.setUint32(12, record.byteLength, true);
  view.setUint32(16, Math.min(originalBytes, GREATEST_LENGTH), true);
  body.set(record, 20);
  return block(BlockType.enhancedPacket, body, lost === 0 ? [] : [count(Option.packetDropCount, lost)]);
}

/** What a capture that ends in order ends with. */
export function captureEnd(timeNs: bigint, received: number, lost: number): Uint8Array {
  const body = new Uint8Array(12);
  const view = new DataView(body.buffer);
  view.setUint32(4, Number(BigInt.asUintN(32, timeNs >> 32n)), true);
  view.setUint32(8, Number(BigInt.asUintN(32, timeNs)), true);
  return block(BlockType.statistics, body, [
    count(Option.statisticsReceived, received),
    count(Option.statisticsDropped, lost),
  ]);
}

function words(code: number, value: string): BlockOption {
  return { code, value: new TextEncoder().encode(value) };
}

function count(code: number, value: number): BlockOption {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return { code, value: bytes };
}

function block(type: number, body: Uint8Array, options: readonly BlockOption[]): Uint8Array {
  const optionBytes = options.reduce(
    (sum, { value }) => sum + 4 + padded(value.byteLength),
    options.length === 0 ? 0 : 4,
  );
  const sizeBytes = 12 + body.byteLength + optionBytes;
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, sizeBytes, true);
  bytes.set(body, 8);
  let at = 8 + body.byteLength;
  for (const { code, value } of options) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.byteLength, true);
    bytes.set(value, at + 4);
    at += 4 + padded(value.byteLength);
  }
  // The end of the options is four bytes of zero, and only stands where there are any.
  view.setUint32(sizeBytes - 4, sizeBytes, true);
  return bytes;
}

/** Everything in a block stands at multiples of four. */
function padded(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 4) * 4;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
