/** Layouts of a ring's header page and of the packets in it. Source: Linux 6.1 include/linux/hyperv.h. */
import { Layout, u16, u32, u64 } from '../../hyperv/index.ts';

/** The header page (struct hv_ring_buffer). The data pages follow it. */
export const RING_HEADER = new Layout('RING_HEADER', 'Linux 6.1 include/linux/hyperv.h, hv_ring_buffer', 4096, {
  writeIndex: u32(0, 'where the writer goes on, a byte offset into the data; written by the writer'),
  readIndex: u32(4, 'where the reader goes on; written by the reader'),
  interruptMask: u32(8, '1 = don’t signal me; written by the reader'),
  pendingSendSize: u32(12, 'the writer waits for more free bytes than this; 0 = it doesn’t wait'),
  featureBits: u32(64, 'bit 0: pendingSendSize is honoured; set by the guest in both rings'),
});

export type RingWord = keyof typeof RING_HEADER.fields;

export const PENDING_SEND_SIZE_FEATURE = 1;

/** Some guests put the size less one there, so the bits below the 8-byte unit don't count (OpenVMM vmbus_ring). */
export const PENDING_SEND_SIZE_MASK = ~7;

/** The packet header (struct vmpacket_descriptor). Units are 8 bytes. */
export const PACKET_HEADER = new Layout('PACKET_HEADER', 'Linux 6.1 include/linux/hyperv.h, vmpacket_descriptor', 16, {
  type: u16(0, 'what kind of packet'),
  dataOffsetUnits: u16(2, 'where the payload starts, in units from the packet’s start'),
  lengthUnits: u16(4, 'header and payload in units, without the footer'),
  flags: u16(6, 'bit 0: the receiver shall complete it'),
  transactionId: u64(8, 'echoed in the completion'),
});

/** Behind each packet: says where it began. Readers needn't check it. */
export const PACKET_FOOTER = new Layout('PACKET_FOOTER', 'Linux 6.1 drivers/hv/ring_buffer.c, hv_ringbuffer_write', 8, {
  startOffset: u32(4, 'where in the ring this packet started'),
});

/** Packet types (enum vmbus_packet_type). The others carry transfer pages or lists of guest memory. */
export const PacketType = { inBand: 6, completion: 0xb } as const;

export const COMPLETION_REQUESTED = 1;

export const UNIT_BYTES = 8;

/** The length field counts units in 16 bits. */
export const MAX_PACKET_PAYLOAD_BYTES: number = 0xffff * UNIT_BYTES - PACKET_HEADER.sizeBytes;

/** How many bytes of ring a packet with this much payload takes: header, padded payload, footer. */
export function packetSpace(payloadBytes: number): number {
  return PACKET_HEADER.sizeBytes + padded(payloadBytes) + PACKET_FOOTER.sizeBytes;
}

/** Rounded up to whole units. */
export function padded(payloadBytes: number): number {
  return Math.ceil(payloadBytes / UNIT_BYTES) * UNIT_BYTES;
}
