import { type InterruptRequest, MAX_VECTORS_PER_REQUEST } from '../interrupt-tokens.ts';
import { cells, joinCells } from './shape.ts';
import { MSI_DESCRIPTOR, MSI_DESCRIPTOR_2, MSI_DESCRIPTOR_3 } from './structures.ts';

/** The three forms of a descriptor: with a VP mask; with a VP list; with a VP list and a vector of 32 bits. */
export type DescriptorForm = 1 | 2 | 3;

const MOST_VPS = 32;

/** Vectors 0…15 can't be delivered by an x86 local APIC. */
const LEAST_VECTOR = 16;
const GREATEST_VECTOR = 255;

/** The request in a descriptor, its count perhaps 0; a text says what is wrong with it. */
export function decodeDescriptor(bytes: Uint8Array, form: DescriptorForm): InterruptRequest | string {
  const { vector, deliveryMode, vectorCount, vps } = form === 1 ? readMask(bytes) : readList(bytes, form);
  if (vectorCount > MAX_VECTORS_PER_REQUEST)
    return `${vectorCount} vectors at once (at most ${MAX_VECTORS_PER_REQUEST})`;
  if (vps === undefined) return `more than ${MOST_VPS} VPs listed`;
  if (deliveryMode !== 0 && deliveryMode !== 1) return `delivery mode ${deliveryMode}`;
  if (vectorCount > 0 && (vector < LEAST_VECTOR || vector + vectorCount - 1 > GREATEST_VECTOR)) {
    return `vectors ${vector} … ${vector + vectorCount - 1} (${LEAST_VECTOR}…${GREATEST_VECTOR})`;
  }
  return { vector, vectorCount, deliveryMode: deliveryMode === 0 ? 'fixed' : 'lowest-priority', vps };
}

function readMask(bytes: Uint8Array) {
  const { vector, deliveryMode, vectorCount, vpMask } = MSI_DESCRIPTOR.decode(bytes);
  const vps: number[] = [];
  const [low, high] = [Number(vpMask & 0xffff_ffffn), Number(vpMask >> 32n)];
  for (let vp = 0; vp < 64; vp++) if ((((vp < 32 ? low : high) >>> (vp & 31)) & 1) === 1) vps.push(vp);
  return { vector, deliveryMode, vectorCount, vps };
}

function readList(bytes: Uint8Array, form: 2 | 3) {
  const { vector, deliveryMode, vectorCount, vpCount, vps } = (form === 2 ? MSI_DESCRIPTOR_2 : MSI_DESCRIPTOR_3).decode(
    bytes,
  );
  if (vpCount > MOST_VPS) return { vector, deliveryMode, vectorCount, vps: undefined };
  const listed = cells(vps, 2, vpCount).map(([low = 0, high = 0]) => low | (high << 8));
  return { vector, deliveryMode, vectorCount, vps: listed };
}

/** The descriptor for a request, as front ends send it. A mask holds only VPs below 64, a list the first 32. */
export function encodeDescriptor(request: InterruptRequest, form: DescriptorForm): Uint8Array<ArrayBuffer> {
  const { vector, vectorCount } = request;
  const deliveryMode = request.deliveryMode === 'fixed' ? 0 : 1;
  if (form === 1) {
    const vpMask = request.vps.filter((vp) => vp < 64).reduce((mask, vp) => mask | (1n << BigInt(vp)), 0n);
    return MSI_DESCRIPTOR.encode({ vector, deliveryMode, vectorCount, vpMask });
  }
  const listed = request.vps.slice(0, MOST_VPS);
  const vps = joinCells(
    listed.map((vp) => Uint8Array.of(vp & 0xff, vp >>> 8)),
    2,
  );
  return (form === 2 ? MSI_DESCRIPTOR_2 : MSI_DESCRIPTOR_3).encode({
    vector,
    deliveryMode,
    vectorCount,
    vpCount: listed.length,
    vps,
  });
}
