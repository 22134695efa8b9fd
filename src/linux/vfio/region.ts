import { capabilityOffsets } from './capabilities.ts';
import { regionInfoLayout as at, sparseAreaLayout, sparseAreaSizeBytes, sparseLayout } from './layouts.ts';

/** Regions of a PCI device. Linux include/uapi/linux/vfio.h, VFIO_PCI_*_REGION_INDEX; 0 to 5 are the BARs. */
export const RegionIndex = { bar0: 0, rom: 6, config: 7 } as const;

/** A part of a region, in bytes from its start. */
export interface RegionArea {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A region of a device: a BAR, the ROM, the configuration space. */
export interface VfioRegion {
  readonly index: number;
  /** 0: the device doesn't have it. */
  readonly sizeBytes: number;
  /** Where the region begins in the device's file. */
  readonly fileOffset: number;
  readonly readable: boolean;
  readonly writable: boolean;
  /** What can be mapped, in ascending order; empty: only reads and writes. */
  readonly mappableAreas: readonly RegionArea[];
  /** The MSI-X table may be mapped too; whoever does must keep it out of the guest. */
  readonly msixMappable: boolean;
}

/** VFIO_REGION_INFO_FLAG_* and VFIO_REGION_INFO_CAP_*. */
const flag = { read: 1, write: 2, mmap: 4, caps: 8 } as const;
const capSparseMmap = 1;
const capMsixMappable = 3;

/** struct vfio_region_info with what follows it. */
export function decodeRegion(view: DataView): VfioRegion {
  const flags = view.getUint32(at.flags, true);
  const sizeBytes = Number(view.getBigUint64(at.size, true));
  const caps =
    (flags & flag.caps) === 0 ? new Map<number, number>() : capabilityOffsets(view, view.getUint32(at.capOffset, true));
  const sparse = caps.get(capSparseMmap);
  return {
    index: view.getUint32(at.index, true),
    sizeBytes,
    fileOffset: Number(view.getBigUint64(at.offset, true)),
    readable: (flags & flag.read) !== 0,
    writable: (flags & flag.write) !== 0,
    mappableAreas: mappableAreas((flags & flag.mmap) !== 0, sizeBytes, view, sparse),
    msixMappable: caps.has(capMsixMappable),
  };
}

function mappableAreas(mmap: boolean, sizeBytes: number, view: DataView, sparse: number | undefined): RegionArea[] {
  if (!mmap) return [];
  if (sparse === undefined) return [{ offset: 0, sizeBytes }];
  const count = view.getUint32(sparse + sparseLayout.count, true);
  const areas = Array.from({ length: count }, (_, i) => {
    const start = sparse + sparseLayout.areas + i * sparseAreaSizeBytes;
    return {
      offset: Number(view.getBigUint64(start + sparseAreaLayout.offset, true)),
      sizeBytes: Number(view.getBigUint64(start + sparseAreaLayout.size, true)),
    };
  });
  return areas.filter((area) => area.sizeBytes > 0).sort((a, b) => a.offset - b.offset);
}
