import { capHeaderLayout, capHeaderSizeBytes } from './layouts.ts';

/** Where each capability of a VFIO answer begins, by id. Walks at most as many as fit, whatever the links say. */
export function capabilityOffsets(view: DataView, firstOffset: number): Map<number, number> {
  const found = new Map<number, number>();
  let offset = firstOffset;
  while (offset !== 0 && offset + capHeaderSizeBytes <= view.byteLength && found.size < view.byteLength) {
    const id = view.getUint16(offset + capHeaderLayout.id, true);
    if (found.has(id)) break;
    found.set(id, offset);
    offset = view.getUint32(offset + capHeaderLayout.next, true);
  }
  return found;
}
