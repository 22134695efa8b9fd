export const pageBytes = 4096;

/** A part of a BAR, in bytes from its start. */
export interface ByteRange {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** A page-aligned part of a BAR: `direct` parts can be mapped into the guest, `trapped` ones must not be. */
export interface BarPart extends ByteRange {
  readonly access: 'direct' | 'trapped';
}

/**
 * Divides a BAR as the guest sees it (`sizeBytes`, whole pages) into parts, in ascending order and covering it wholly.
 * `mappable`: what the host could map. `emulated`: what must trap (the MSI-X table and pending bits); it takes its whole
 * pages with it.
 */
export function layOutBar(
  sizeBytes: number,
  mappable: readonly ByteRange[],
  emulated: readonly ByteRange[],
): BarPart[] {
  const direct = mappable
    .map(wholePagesInside)
    .flatMap((range) => subtract(range, emulated.map(wholePagesAround)))
    .filter((range) => range.sizeBytes > 0 && range.offsetBytes + range.sizeBytes <= sizeBytes)
    .sort((a, b) => a.offsetBytes - b.offsetBytes);
  const parts: BarPart[] = [];
  let at = 0;
  for (const { offsetBytes, sizeBytes: length } of direct) {
    // Areas that overlap the one before add nothing that isn't mapped already, or less than is worth a second mapping.
    if (offsetBytes < at) continue;
    if (offsetBytes > at) parts.push({ access: 'trapped', offsetBytes: at, sizeBytes: offsetBytes - at });
    parts.push({ access: 'direct', offsetBytes, sizeBytes: length });
    at = offsetBytes + length;
  }
  if (at < sizeBytes) parts.push({ access: 'trapped', offsetBytes: at, sizeBytes: sizeBytes - at });
  return parts;
}

/** The whole pages around the given ranges, overlapping and adjoining ones joined, in ascending order. */
export function pagesAround(ranges: readonly ByteRange[]): ByteRange[] {
  const pages = ranges.map(wholePagesAround).sort((a, b) => a.offsetBytes - b.offsetBytes);
  const joined: ByteRange[] = [];
  for (const range of pages) {
    const last = joined.at(-1);
    if (last === undefined || range.offsetBytes > last.offsetBytes + last.sizeBytes) {
      joined.push(range);
      continue;
    }
    const end = Math.max(last.offsetBytes + last.sizeBytes, range.offsetBytes + range.sizeBytes);
    joined[joined.length - 1] = { offsetBytes: last.offsetBytes, sizeBytes: end - last.offsetBytes };
  }
  return joined;
}

function wholePagesInside(range: ByteRange): ByteRange {
  const start = Math.ceil(range.offsetBytes / pageBytes) * pageBytes;
  const end = Math.floor((range.offsetBytes + range.sizeBytes) / pageBytes) * pageBytes;
  return { offsetBytes: start, sizeBytes: Math.max(0, end - start) };
}

function wholePagesAround(range: ByteRange): ByteRange {
  const start = Math.floor(range.offsetBytes / pageBytes) * pageBytes;
  const end = Math.ceil((range.offsetBytes + range.sizeBytes) / pageBytes) * pageBytes;
  return { offsetBytes: start, sizeBytes: end - start };
}

function subtract(range: ByteRange, holes: readonly ByteRange[]): ByteRange[] {
  let left: ByteRange[] = [range];
  for (const hole of holes) {
    const holeEnd = hole.offsetBytes + hole.sizeBytes;
    left = left.flatMap((part) => {
      const end = part.offsetBytes + part.sizeBytes;
      if (holeEnd <= part.offsetBytes || hole.offsetBytes >= end) return [part];
      return [
        { offsetBytes: part.offsetBytes, sizeBytes: Math.max(0, hole.offsetBytes - part.offsetBytes) },
        { offsetBytes: holeEnd, sizeBytes: Math.max(0, end - holeEnd) },
      ];
    });
  }
  return left;
}
