import type { DmaMapping } from './dma-mappings.ts';

/** Which of the kernel's two interfaces to the IOMMU: the container (all kernels), or iommufd with device nodes (6.6 on). */
export type VfioBackendKind = 'container' | 'iommufd';

/** DMA addresses that the IOMMU can translate, both included. The rest is reserved (on x86 the MSI window, for one). */
export interface IovaRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** A device that joined a domain. */
export interface JoinedDevice {
  readonly deviceFd: number;
  /** What {@link KvmVfioDevice.add} takes: the group's descriptor, or the device's own. */
  readonly kvmFileFd: number;
  /** Closes the device and whatever only it needed. */
  leave(): void;
}

/** A node of a function that another process opened, for a process that may not. */
export type PassedNode =
  /** `/dev/vfio/GROUP`; no `fd`: this process has that group open already, for another function of it. */
  | { readonly kind: 'group'; readonly group: string; readonly fd: number | undefined }
  /** `/dev/vfio/devices/vfioN`. */
  | { readonly kind: 'device'; readonly fd: number };

/** A function whose node is open and behind the domain's page table, or about to be: the function itself isn't open yet. */
export interface EnteredFunction {
  /** Opens it, which has the kernel reset it: 100 ms and more. Lets go of the node when it throws {@link VfioError}. */
  open(): JoinedDevice;
  /** The same, the waiting on another thread. */
  openAside(): Promise<JoinedDevice>;
}

/** What a domain needs of the kernel. Calls throw {@link SystemCallError} as it comes. */
export interface DmaBackend {
  readonly kind: VfioBackendKind;
  /**
   * Opens the node of function `bdf`, or takes over `passed`, also when it throws {@link VfioError}. From then on memory can be
   * mapped.
   */
  enter(bdf: string, passed?: PassedNode): EnteredFunction;
  map(mapping: DmaMapping): void;
  /** The same on another thread: memory that is pinned for the first time takes long. */
  mapAside(mapping: DmaMapping): Promise<void>;
  unmap(iova: number, sizeBytes: number): void;
  unmapAll(): void;
  iovaRanges(): IovaRange[];
  /** For {@link adoptDmaDomain} in another process. */
  readonly handles: DmaDomainHandles;
  close(): void;
}

/** Descriptors of a domain, to be sent to another process, where {@link adoptDmaDomain} takes them over. */
export type DmaDomainHandles =
  | { readonly backend: 'container'; readonly fd: number }
  | { readonly backend: 'iommufd'; readonly fd: number; readonly ioasId: number };
