import { existsSync } from 'node:fs';
import { closeFile } from '../libc/files.ts';
import { VfioDevice, type VfioDeviceHandles } from './device.ts';
import type { PassedNode, VfioBackendKind } from './dma-backend.ts';
import { createDmaDomain, type DmaDomain } from './dma-domain.ts';
import type { DmaMapping } from './dma-mappings.ts';
import { hasDeviceNode } from './iommufd.ts';

/** What to open. Either the VM's domain, which the device joins, or how to make a domain of its own. */
export type VfioOpenRequest = {
  /** `0000:01:00.0`, bound to vfio-pci. */
  readonly bdf: string;
} & (
  | {
      readonly domain: DmaDomain;
      /** By what this process reaches it if it may not open the node itself. Taken over, also when opening fails. */
      readonly passed?: PassedNode;
    }
  | { readonly backend: VfioBackendKind | 'auto' }
);

/** The interface that suits function `bdf` on this kernel: iommufd where the kernel has all of it, else the container. */
export function vfioBackendFor(bdf: string): VfioBackendKind {
  return existsSync('/dev/iommu') && hasDeviceNode(bdf) ? 'iommufd' : 'container';
}

/**
 * Opens a dismounted function. Throws {@link VfioError} `vfio-missing`, `vfio-backend-missing`, `vfio-no-permission`,
 * `vfio-not-dismounted`, `vfio-no-iommu`, `vfio-group-not-viable`, `vfio-in-use`. A domain that it makes is the
 * caller's to close, after the device.
 */
export function openVfioDevice(request: VfioOpenRequest): VfioDevice {
  if ('domain' in request) return deviceIn(request.domain, request.bdf, request.passed);
  const domain = createDmaDomain(request.backend === 'auto' ? vfioBackendFor(request.bdf) : request.backend);
  try {
    return deviceIn(domain, request.bdf);
  } catch (error) {
    domain.close();
    throw error;
  }
}

/** A function that reaches memory. */
export interface OpenedWithMemory {
  readonly device: VfioDevice;
  /** Takes the hold of the opening on the memory away: it stays mapped while somebody else has one. */
  release(): void;
}

/**
 * The same for the VM's domain, with the memory mapped already when it is open: the function's reset and the pinning of the memory
 * take their time together, and on other threads. Throws what {@link DmaDomain.mapDma} does, too.
 */
export async function openVfioDeviceAside(
  request: Extract<VfioOpenRequest, { domain: DmaDomain }> & {
    readonly memory: readonly DmaMapping[];
    /** Ends it soon: after what the kernel is at. */
    readonly signal?: AbortSignal;
  },
): Promise<OpenedWithMemory> {
  const { domain, bdf, passed, memory, signal } = request;
  const joined = await domain.joinWith(bdf, memory, passed, signal);
  const release = (): void => memory.forEach(({ iova, sizeBytes }) => domain.unmapDma(iova, sizeBytes));
  try {
    return { device: new VfioDevice(bdf, domain, joined), release };
  } catch (error) {
    release();
    joined.leave();
    throw error;
  }
}

function deviceIn(domain: DmaDomain, bdf: string, passed?: PassedNode): VfioDevice {
  const joined = domain.join(bdf, passed);
  try {
    return new VfioDevice(bdf, domain, joined);
  } catch (error) {
    joined.leave();
    throw error;
  }
}

/**
 * Takes over a device that another process opened and joined to `domain`. Of `handles`, `kvmFileFd` may come once for
 * several devices of one group: pass `ownsKvmFile` false for all but the last that is closed.
 */
export function adoptVfioDevice(handles: VfioDeviceHandles, domain: DmaDomain, ownsKvmFile = true): VfioDevice {
  const joined = domain.adopt({
    deviceFd: handles.deviceFd,
    kvmFileFd: handles.kvmFileFd,
    leave: () => {
      closeFile(handles.deviceFd);
      if (ownsKvmFile && handles.kvmFileFd !== handles.deviceFd) closeFile(handles.kvmFileFd);
    },
  });
  return new VfioDevice(handles.bdf, domain, joined);
}
