/**
 * Byte offsets and sizes of VFIO's structures on x86-64, little-endian. Linux include/uapi/linux/vfio.h and iommufd.h,
 * printed by a program compiled against their headers (6.1 and 6.12). `argsz` and, in iommufd's, `size` at 0 hold the
 * structure's own size.
 */

/** struct vfio_group_status. */
export const groupStatusLayout = { argsz: 0, flags: 4 } as const;
export const groupStatusSizeBytes = 8;

/** struct vfio_device_info. */
export const deviceInfoLayout = { argsz: 0, flags: 4, regions: 8, irqs: 12 } as const;
export const deviceInfoSizeBytes = 20;

/** struct vfio_region_info, followed by capabilities. */
export const regionInfoLayout = { argsz: 0, flags: 4, index: 8, capOffset: 12, size: 16, offset: 24 } as const;
export const regionInfoSizeBytes = 32;

/** struct vfio_info_cap_header; `next` counts from the structure's start, 0 ends the list. */
export const capHeaderLayout = { id: 0, version: 2, next: 4 } as const;
export const capHeaderSizeBytes = 8;

/** struct vfio_region_info_cap_sparse_mmap and its areas. */
export const sparseLayout = { count: 8, areas: 16 } as const;
export const sparseAreaLayout = { offset: 0, size: 8 } as const;
export const sparseAreaSizeBytes = 16;

/** struct vfio_irq_info. */
export const irqInfoLayout = { argsz: 0, flags: 4, index: 8, count: 12 } as const;
export const irqInfoSizeBytes = 16;

/** struct vfio_irq_set, followed by the data. */
export const irqSetLayout = { argsz: 0, flags: 4, index: 8, start: 12, count: 16, data: 20 } as const;

/** struct vfio_iommu_type1_info, followed by capabilities; VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE and its ranges. */
export const iommuInfoLayout = { argsz: 0, flags: 4, pageSizes: 8, capOffset: 16 } as const;
export const iommuInfoSizeBytes = 24;
export const iovaRangesCapLayout = { count: 8, ranges: 16 } as const;

/** struct vfio_iommu_type1_dma_map and _unmap. */
export const dmaMapLayout = { argsz: 0, flags: 4, vaddr: 8, iova: 16, size: 24 } as const;
export const dmaMapSizeBytes = 32;
export const dmaUnmapLayout = { argsz: 0, flags: 4, iova: 8, size: 16 } as const;
export const dmaUnmapSizeBytes = 24;

/** struct vfio_device_bind_iommufd and vfio_device_attach_iommufd_pt, as of Linux 6.6. */
export const bindLayout = { argsz: 0, flags: 4, iommufd: 8, deviceId: 12 } as const;
export const bindSizeBytes = 16;
export const attachLayout = { argsz: 0, flags: 4, pageTableId: 8 } as const;
export const attachSizeBytes = 12;

/** struct iommu_ioas_alloc, _map, _unmap, _iova_ranges and one range (first and last address, both included). */
export const ioasAllocLayout = { size: 0, flags: 4, id: 8 } as const;
export const ioasAllocSizeBytes = 12;
export const ioasMapLayout = { size: 0, flags: 4, ioas: 8, userAddress: 16, length: 24, iova: 32 } as const;
export const ioasMapSizeBytes = 40;
export const ioasUnmapLayout = { size: 0, ioas: 4, iova: 8, length: 16 } as const;
export const ioasUnmapSizeBytes = 24;
export const iovaRangesLayout = { size: 0, ioas: 4, count: 8, ranges: 16, alignment: 24 } as const;
export const iovaRangesSizeBytes = 32;
export const iovaRangeLayout = { first: 0, last: 8 } as const;
export const iovaRangeSizeBytes = 16;
