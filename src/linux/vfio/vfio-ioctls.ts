/** ioctls of VFIO and iommufd. Linux include/uapi/linux/vfio.h and iommufd.h (6.1 and 6.12). */
export const VfioIoctl = {
  getApiVersion: { name: 'VFIO_GET_API_VERSION', number: 0x3b64 },
  checkExtension: { name: 'VFIO_CHECK_EXTENSION', number: 0x3b65 },
  setIommu: { name: 'VFIO_SET_IOMMU', number: 0x3b66 },
  groupGetStatus: { name: 'VFIO_GROUP_GET_STATUS', number: 0x3b67 },
  groupSetContainer: { name: 'VFIO_GROUP_SET_CONTAINER', number: 0x3b68 },
  groupGetDeviceFd: { name: 'VFIO_GROUP_GET_DEVICE_FD', number: 0x3b6a },
  deviceGetInfo: { name: 'VFIO_DEVICE_GET_INFO', number: 0x3b6b },
  deviceGetRegionInfo: { name: 'VFIO_DEVICE_GET_REGION_INFO', number: 0x3b6c },
  deviceGetIrqInfo: { name: 'VFIO_DEVICE_GET_IRQ_INFO', number: 0x3b6d },
  deviceSetIrqs: { name: 'VFIO_DEVICE_SET_IRQS', number: 0x3b6e },
  deviceReset: { name: 'VFIO_DEVICE_RESET', number: 0x3b6f },
  iommuGetInfo: { name: 'VFIO_IOMMU_GET_INFO', number: 0x3b70 },
  iommuMapDma: { name: 'VFIO_IOMMU_MAP_DMA', number: 0x3b71 },
  iommuUnmapDma: { name: 'VFIO_IOMMU_UNMAP_DMA', number: 0x3b72 },
  deviceBindIommufd: { name: 'VFIO_DEVICE_BIND_IOMMUFD', number: 0x3b76 },
  deviceAttachIommufdPt: { name: 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', number: 0x3b77 },
  iommuIoasAlloc: { name: 'IOMMU_IOAS_ALLOC', number: 0x3b81 },
  iommuIoasIovaRanges: { name: 'IOMMU_IOAS_IOVA_RANGES', number: 0x3b84 },
  iommuIoasMap: { name: 'IOMMU_IOAS_MAP', number: 0x3b85 },
  iommuIoasUnmap: { name: 'IOMMU_IOAS_UNMAP', number: 0x3b86 },
} as const;

/** VFIO_TYPE1v2_IOMMU, the container's IOMMU model; unlike its predecessor it never splits a mapping. */
export const type1v2 = 3;
