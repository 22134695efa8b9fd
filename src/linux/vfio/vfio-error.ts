/** Why a device can't be used through VFIO. */
export type VfioErrorCode =
  /** No VFIO in this kernel, or its modules aren't loaded. */
  | 'vfio-missing'
  /** The backend that was asked for isn't there. */
  | 'vfio-backend-missing'
  /** A VFIO node may not be opened by this user. */
  | 'vfio-no-permission'
  /** The function isn't bound to vfio-pci. */
  | 'vfio-not-dismounted'
  /** The function has no IOMMU group: the IOMMU is off. */
  | 'vfio-no-iommu'
  /** Another function of the same IOMMU group is still in the host's hands. */
  | 'vfio-group-not-viable'
  /** Somebody else holds the device or its group. */
  | 'vfio-in-use'
  /** RLIMIT_MEMLOCK doesn't allow to pin that much memory. */
  | 'vfio-memlock-too-low'
  /** The device can't be reset by itself. */
  | 'vfio-no-reset'
  /** DMA addresses were asked for that are mapped already, to something else. */
  | 'vfio-dma-overlap'
  /** The IOMMU can't translate these DMA addresses: they are reserved. */
  | 'vfio-dma-reserved'
  /** No IOMMU to map through yet: no device has joined. */
  | 'vfio-domain-empty';

/** VFIO can't do what was asked; the message says what stands in the way and what to do. */
export class VfioError extends Error {
  override readonly name = 'VfioError';
  readonly code: VfioErrorCode;

  constructor(code: VfioErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
