import type { MsixCapability } from '../pci/index.ts';
import { pagesAround } from './bar-layout.ts';
import type { ByteRange } from './bar-layout.ts';
import type { AllocatePages, FunctionBackend, Pages } from './function-backend.ts';
import { MsixTable } from './msix-table.ts';
import type { MessageListener } from './msix-table.ts';

/** Whole pages of a BAR that hold (parts of) the MSI-X table or the pending bits. */
export interface EmulatedSpan extends ByteRange {
  readonly barIndex: number;
  readonly pages: Pages;
  /** Whether `pages` hold what every read of the span returns: what is beside the table and the pending bits is reserved. */
  readonly complete: boolean;
}

/**
 * The guest's MSI-X table and pending bits, and the BAR pages they lie in. While no vector can fire, what the guest writes
 * there means nothing yet: then the pages may be its plain memory (`unwatched`), and are looked at once when that ends.
 */
export interface EmulatedMsix {
  readonly shape: MsixCapability;
  readonly table: MsixTable;
  readonly spans: readonly EmulatedSpan[];
  unwatched: boolean;
  /** After the guest's last unnoticed write: what it has left becomes a table again, and reserved bits what they were. */
  tidy(): void;
  close(): void;
}

/** Spans never cross from one run of pages to the next, so the table and the pending bits are contiguous in one of them. */
export function emulateMsix(
  shape: MsixCapability,
  backend: FunctionBackend,
  allocate: AllocatePages,
  listener: MessageListener,
): EmulatedMsix {
  const parts = [shape.table, shape.pendingBits];
  const spans: EmulatedSpan[] = [];
  for (const barIndex of new Set(parts.map((part) => part.barIndex))) {
    const inBar = parts.filter((part) => part.barIndex === barIndex);
    for (const range of pagesAround(inBar)) {
      const pages = allocate(`${backend.name} MSI-X`, range.sizeBytes);
      const complete = backend.reservedBesideMsix(barIndex, range.offsetBytes, range.sizeBytes);
      spans.push({ barIndex, ...range, pages, complete });
    }
  }

  function bytesOf(part: ByteRange & { readonly barIndex: number }): Uint8Array {
    const span = spans.find((candidate) => candidate.barIndex === part.barIndex && contains(candidate, part));
    if (span === undefined) throw new Error('the MSI-X table lies outside the pages made for it');
    const start = part.offsetBytes - span.offsetBytes;
    return span.pages.bytes.subarray(start, start + part.sizeBytes);
  }

  const table = new MsixTable(bytesOf(shape.table), bytesOf(shape.pendingBits), listener);
  return {
    shape,
    table,
    spans,
    unwatched: true,
    tidy: () => {
      for (const span of spans)
        clearBeside(
          span,
          parts.filter((part) => part.barIndex === span.barIndex),
        );
      table.tidy();
    },
    close: () => {
      for (const span of spans) span.pages.close();
    },
  };
}

/** Zeroes what of a span is in none of `parts`. */
function clearBeside(span: EmulatedSpan, parts: readonly ByteRange[]): void {
  const inside = parts.filter((part) => contains(span, part)).toSorted((a, b) => a.offsetBytes - b.offsetBytes);
  let at = 0;
  for (const { offsetBytes, sizeBytes } of inside) {
    const start = offsetBytes - span.offsetBytes;
    span.pages.bytes.fill(0, at, Math.max(at, start));
    at = Math.max(at, start + sizeBytes);
  }
  span.pages.bytes.fill(0, at);
}

export function contains(range: ByteRange, part: ByteRange): boolean {
  return (
    part.offsetBytes >= range.offsetBytes && part.offsetBytes + part.sizeBytes <= range.offsetBytes + range.sizeBytes
  );
}

export function overlaps(a: ByteRange, b: ByteRange): boolean {
  return a.offsetBytes < b.offsetBytes + b.sizeBytes && b.offsetBytes < a.offsetBytes + a.sizeBytes;
}
