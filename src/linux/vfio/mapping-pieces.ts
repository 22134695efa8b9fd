import type { DmaMapping } from './dma-mappings.ts';

const MIB = 1024 * 1024;
/** So much that the calls don't count, so little that one is over soon, also where the kernel has to find and zero every page. */
const PIECE_BYTES = 64 * MIB;
/** VFIO keeps a record of each mapping, 65,535 at the most (drivers/vfio/vfio_iommu_type1.c, dma_entry_limit). */
const MAX_PIECES = 1024;

/** A mapping in parts, ascending, each one call of the kernel: their ends are where a huge page of 2 MiB can end, too. */
export function piecesOf({ iova, sizeBytes, hostAddress }: DmaMapping): DmaMapping[] {
  const pieceBytes = PIECE_BYTES * Math.ceil(sizeBytes / (PIECE_BYTES * MAX_PIECES));
  const pieces: DmaMapping[] = [];
  // A boundary is one of the DMA address, which RAM of a guest shares with its memory as far as huge pages go.
  for (let start = iova; start < iova + sizeBytes; ) {
    const end = Math.min(iova + sizeBytes, (Math.floor(start / pieceBytes) + 1) * pieceBytes);
    pieces.push({ iova: start, sizeBytes: end - start, hostAddress: hostAddress + BigInt(start - iova) });
    start = end;
  }
  return pieces;
}
