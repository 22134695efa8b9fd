import { layOutBar, pageBytes } from './bar-layout.ts';
import type { ByteRange } from './bar-layout.ts';
import { contains } from './emulated-msix.ts';
import type { EmulatedSpan } from './emulated-msix.ts';
import type { BackendBar } from './function-backend.ts';
import type { BarRegion } from './function.ts';

/** A BAR smaller than a page is shown as a page, so that nothing else can come to lie in that page of the guest. */
export function shownBarBytes(bar: BackendBar): number {
  return Math.max(bar.sizeBytes, pageBytes);
}

/** The parts of a BAR as a borrower gets them. `spans`: the emulated pages of this BAR; `unwatched`: writes to them may go unnoticed. */
export function divideBar(bar: BackendBar, spans: readonly EmulatedSpan[], unwatched: boolean): BarRegion[] {
  return layOutBar(shownBarBytes(bar), bar.mappings, spans).flatMap((part): BarRegion[] => {
    const { offsetBytes, sizeBytes } = part;
    const mapping = bar.mappings.find((candidate) => contains(candidate, part));
    if (part.access === 'trapped' || mapping === undefined) return trappedRegions(part, spans, unwatched);
    const hostAddress = mapping.hostAddress + BigInt(offsetBytes - mapping.offsetBytes);
    return [{ access: 'direct', offsetBytes, sizeBytes, hostAddress }];
  });
}

/** A trapped part, cut where the emulated pages begin and end, as only those can have an image. */
function trappedRegions(part: ByteRange, spans: readonly EmulatedSpan[], unwatched: boolean): BarRegion[] {
  const end = part.offsetBytes + part.sizeBytes;
  const cuts = new Set([part.offsetBytes, end]);
  for (const span of spans) {
    for (const cut of [span.offsetBytes, span.offsetBytes + span.sizeBytes]) {
      if (cut > part.offsetBytes && cut < end) cuts.add(cut);
    }
  }
  const sorted = [...cuts].sort((a, b) => a - b);
  return sorted.slice(0, -1).map((offsetBytes, i) => {
    const span = spans.find((candidate) => candidate.offsetBytes === offsetBytes);
    const sizeBytes = (sorted[i + 1] ?? end) - offsetBytes;
    const imageAddress = span?.complete ? span.pages.address : undefined;
    return {
      access: 'trapped',
      offsetBytes,
      sizeBytes,
      imageAddress,
      imageWritable: unwatched && imageAddress !== undefined,
    };
  });
}
