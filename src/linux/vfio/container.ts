import { closeFile } from '../libc/files.ts';
import { ioctlStruct, ioctlStructAside, ioctlValue } from '../libc/ioctl.ts';
import { SystemCallError } from '../libc/system-call-error.ts';
import { capabilityOffsets } from './capabilities.ts';
import type {
  DmaBackend,
  DmaDomainHandles,
  EnteredFunction,
  IovaRange,
  JoinedDevice,
  PassedNode,
} from './dma-backend.ts';
import { describeMapping, type DmaMapping } from './dma-mappings.ts';
import { groupNotViable, iommuGroup } from './iommu-group.ts';
import {
  dmaMapLayout,
  dmaMapSizeBytes,
  dmaUnmapLayout,
  dmaUnmapSizeBytes,
  groupStatusLayout,
  groupStatusSizeBytes,
  iommuInfoLayout,
  iommuInfoSizeBytes,
  iovaRangeLayout,
  iovaRangeSizeBytes,
  iovaRangesCapLayout,
} from './layouts.ts';
import { openNode, wrongNode } from './open-node.ts';
import { askWithCapabilities, sizedStruct } from './struct.ts';
import { VfioError } from './vfio-error.ts';
import { type1v2, VfioIoctl } from './vfio-ioctls.ts';

/** Linux include/uapi/linux/vfio.h. */
const apiVersion = 0;
const groupViable = 1;
const readWrite = 3;
const unmapEverything = 2;
const capIovaRanges = 1;

interface Group {
  readonly fd: number;
  devices: number;
}

/** The container interface: groups of devices join a container, which has one page table (type 1, version 2). */
export class ContainerBackend implements DmaBackend {
  readonly kind = 'container';
  readonly #fd: number;
  readonly #groups = new Map<string, Group>();

  private constructor(fd: number) {
    this.#fd = fd;
  }

  static open(): ContainerBackend {
    const fd = openNode('/dev/vfio/vfio', {
      code: 'vfio-missing',
      message: 'There is no /dev/vfio/vfio. Load the modules vfio-pci and vfio_iommu_type1.',
    });
    return ContainerBackend.over(fd);
  }

  /** Takes over an empty container. */
  static over(fd: number): ContainerBackend {
    const backend = new ContainerBackend(fd);
    try {
      backend.#check();
      return backend;
    } catch (error) {
      backend.close();
      throw error;
    }
  }

  /** Takes over a container whose devices another process joined to it. */
  static fromFd(fd: number): ContainerBackend {
    return new ContainerBackend(fd);
  }

  #check(): void {
    const version = ioctlValue(this.#fd, VfioIoctl.getApiVersion, 0);
    if (version !== apiVersion || ioctlValue(this.#fd, VfioIoctl.checkExtension, type1v2) === 0) {
      throw new VfioError(
        'vfio-backend-missing',
        'This kernel has VFIO but not its type 1 IOMMU driver. Load vfio_iommu_type1.',
      );
    }
  }

  enter(bdf: string, passed?: PassedNode): EnteredFunction {
    const { number, group } = this.#groupFor(bdf, passed);
    // From here on, so that nobody else's leaving closes the group.
    group.devices += 1;
    const leave = (): void => {
      group.devices -= 1;
      this.#closeIdle(number, group);
    };
    const joined = (deviceFd: number): JoinedDevice => ({
      deviceFd,
      kvmFileFd: group.fd,
      leave: () => {
        closeFile(deviceFd);
        leave();
      },
    });
    const refused = (error: unknown): never => {
      leave();
      throw explainOpening(error, bdf);
    };
    const name = new TextEncoder().encode(`${bdf}\0`);
    return {
      open: () => {
        try {
          return joined(ioctlStruct(group.fd, VfioIoctl.groupGetDeviceFd, name, bdf));
        } catch (error) {
          return refused(error);
        }
      },
      openAside: () => ioctlStructAside(group.fd, VfioIoctl.groupGetDeviceFd, name, bdf).then(joined, refused),
    };
  }

  #groupFor(bdf: string, passed: PassedNode | undefined): { readonly number: string; readonly group: Group } {
    if (passed === undefined) {
      const number = iommuGroup(bdf);
      return { number, group: this.#groups.get(number) ?? this.#addGroup(bdf, number, openGroup(bdf, number)) };
    }
    if (passed.kind === 'device') {
      closeFile(passed.fd);
      throw wrongNode(bdf, 'a device node, and works with containers');
    }
    const { group: number, fd } = passed;
    const group = this.#groups.get(number);
    if (group !== undefined) {
      if (fd !== undefined) closeFile(fd);
      return { number, group };
    }
    if (fd === undefined) throw wrongNode(bdf, `nothing of group ${number}, and does not have it open`);
    return { number, group: this.#addGroup(bdf, number, fd) };
  }

  /** Takes `fd` over, also when it throws. */
  #addGroup(bdf: string, number: string, fd: number): Group {
    try {
      checkViable(fd, bdf, number);
      const argument = new Uint8Array(4);
      new DataView(argument.buffer).setInt32(0, this.#fd, true);
      ioctlStruct(fd, VfioIoctl.groupSetContainer, argument, `group ${number}`);
      // The model is chosen once, after the first group; with the last group it is forgotten again.
      if (this.#groups.size === 0) ioctlValue(this.#fd, VfioIoctl.setIommu, type1v2);
    } catch (error) {
      closeFile(fd);
      throw error;
    }
    const group = { fd, devices: 0 };
    this.#groups.set(number, group);
    return group;
  }

  #closeIdle(number: string, group: Group): void {
    if (group.devices > 0) return;
    this.#groups.delete(number);
    closeFile(group.fd);
  }

  map(mapping: DmaMapping): void {
    ioctlStruct(this.#fd, VfioIoctl.iommuMapDma, encodeMapping(mapping), describeMapping(mapping));
  }

  async mapAside(mapping: DmaMapping): Promise<void> {
    await ioctlStructAside(this.#fd, VfioIoctl.iommuMapDma, encodeMapping(mapping), describeMapping(mapping));
  }

  unmap(iova: number, sizeBytes: number): void {
    const { bytes, view } = sizedStruct(dmaUnmapSizeBytes);
    view.setBigUint64(dmaUnmapLayout.iova, BigInt(iova), true);
    view.setBigUint64(dmaUnmapLayout.size, BigInt(sizeBytes), true);
    ioctlStruct(this.#fd, VfioIoctl.iommuUnmapDma, bytes, `${sizeBytes} bytes at 0x${iova.toString(16)}`);
  }

  unmapAll(): void {
    const { bytes, view } = sizedStruct(dmaUnmapSizeBytes);
    view.setUint32(dmaUnmapLayout.flags, unmapEverything, true);
    ioctlStruct(this.#fd, VfioIoctl.iommuUnmapDma, bytes, 'all');
  }

  iovaRanges(): IovaRange[] {
    const { view } = askWithCapabilities(
      this.#fd,
      VfioIoctl.iommuGetInfo,
      iommuInfoSizeBytes,
      () => undefined,
      'container',
    );
    const start = capabilityOffsets(view, view.getUint32(iommuInfoLayout.capOffset, true)).get(capIovaRanges);
    if (start === undefined) return [];
    return Array.from({ length: view.getUint32(start + iovaRangesCapLayout.count, true) }, (_, i) => {
      const range = start + iovaRangesCapLayout.ranges + i * iovaRangeSizeBytes;
      return {
        first: view.getBigUint64(range + iovaRangeLayout.first, true),
        last: view.getBigUint64(range + iovaRangeLayout.last, true),
      };
    });
  }

  get handles(): DmaDomainHandles {
    return { backend: 'container', fd: this.#fd };
  }

  close(): void {
    closeFile(this.#fd);
  }
}

function openGroup(bdf: string, number: string): number {
  const path = `/dev/vfio/${number}`;
  return openNode(path, {
    code: 'vfio-not-dismounted',
    message: `There is no ${path}: no function of ${bdf}'s IOMMU group is bound to vfio-pci. Dismount ${bdf} first.`,
  });
}

function checkViable(groupFd: number, bdf: string, number: string): void {
  const { bytes, view } = sizedStruct(groupStatusSizeBytes);
  ioctlStruct(groupFd, VfioIoctl.groupGetStatus, bytes, `group ${number}`);
  if ((view.getUint32(groupStatusLayout.flags, true) & groupViable) !== 0) return;
  throw groupNotViable(bdf);
}

function encodeMapping({ hostAddress, iova, sizeBytes }: DmaMapping): Uint8Array {
  const { bytes, view } = sizedStruct(dmaMapSizeBytes);
  view.setUint32(dmaMapLayout.flags, readWrite, true);
  view.setBigUint64(dmaMapLayout.vaddr, hostAddress, true);
  view.setBigUint64(dmaMapLayout.iova, BigInt(iova), true);
  view.setBigUint64(dmaMapLayout.size, BigInt(sizeBytes), true);
  return bytes;
}

function explainOpening(error: unknown, bdf: string): unknown {
  if (!(error instanceof SystemCallError)) return error;
  if (error.code === 'ENODEV') {
    return new VfioError('vfio-not-dismounted', `${bdf} is not bound to vfio-pci. Dismount it first.`, {
      cause: error,
    });
  }
  if (error.code === 'EBUSY') {
    return new VfioError('vfio-in-use', `${bdf} is in use: another process holds it. Take it back there first.`, {
      cause: error,
    });
  }
  return error;
}
