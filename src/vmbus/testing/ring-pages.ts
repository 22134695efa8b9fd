import type { GuestPage } from '../../hyperv/index.ts';
import { RingMemory } from '../rings/ring-memory.ts';

/** A ring of its own pages, for tests of rings without a guest. The header page is at hand to be corrupted. */
export function ringOfPages(dataPageCount: number): {
  readonly memory: RingMemory;
  readonly header: Int32Array;
  readonly data: Uint8Array;
} {
  const shared = new Uint8Array(new SharedArrayBuffer((dataPageCount + 1) * 4096));
  const pages = Array.from(
    { length: dataPageCount + 1 },
    (_, index): GuestPage => ({
      bytes: shared.subarray(index * 4096, (index + 1) * 4096),
      words: new Int32Array(shared.buffer, index * 4096, 1024),
    }),
  );
  const header = new Int32Array(shared.buffer, 0, 1024);
  return { memory: new RingMemory(pages), header, data: shared.subarray(4096) };
}
