import { readdirSync } from 'node:fs';
import { closeFile } from '../libc/files.ts';
import { ioctlStruct, ioctlStructAside } from '../libc/ioctl.ts';
import { addressOf, heldUntilHere } from '../libc/library.ts';
import { SystemCallError } from '../libc/system-call-error.ts';
import type {
  DmaBackend,
  DmaDomainHandles,
  EnteredFunction,
  IovaRange,
  JoinedDevice,
  PassedNode,
} from './dma-backend.ts';
import { describeMapping, type DmaMapping } from './dma-mappings.ts';
import { groupNotViable } from './iommu-group.ts';
import {
  attachLayout,
  attachSizeBytes,
  bindLayout,
  bindSizeBytes,
  ioasAllocLayout,
  ioasAllocSizeBytes,
  ioasMapLayout,
  ioasMapSizeBytes,
  ioasUnmapLayout,
  ioasUnmapSizeBytes,
  iovaRangeLayout,
  iovaRangeSizeBytes,
  iovaRangesLayout,
  iovaRangesSizeBytes,
} from './layouts.ts';
import { openNode, wrongNode } from './open-node.ts';
import { sizedStruct } from './struct.ts';
import { VfioError } from './vfio-error.ts';
import { VfioIoctl } from './vfio-ioctls.ts';

/** IOMMU_IOAS_MAP_FIXED_IOVA | WRITEABLE | READABLE. Linux include/uapi/linux/iommufd.h. */
const fixedReadWrite = 7;
const everything = 0xffff_ffff_ffff_ffffn;

/** The iommufd interface: each device has a node of its own and is attached to an I/O address space. */
export class IommufdBackend implements DmaBackend {
  readonly kind = 'iommufd';
  readonly #fd: number;
  readonly #ioasId: number;

  private constructor(fd: number, ioasId: number) {
    this.#fd = fd;
    this.#ioasId = ioasId;
  }

  static open(): IommufdBackend {
    const fd = openNode('/dev/iommu', {
      code: 'vfio-backend-missing',
      message: 'There is no /dev/iommu. Load iommufd (Linux 6.6 or later), or use the container interface.',
    });
    return IommufdBackend.over(fd);
  }

  /** Takes over a descriptor of /dev/iommu and makes an address space in it. */
  static over(fd: number): IommufdBackend {
    try {
      const { bytes, view } = sizedStruct(ioasAllocSizeBytes);
      ioctlStruct(fd, VfioIoctl.iommuIoasAlloc, bytes);
      return new IommufdBackend(fd, view.getUint32(ioasAllocLayout.id, true));
    } catch (error) {
      closeFile(fd);
      throw error;
    }
  }

  /** Takes over an address space whose devices another process attached to it. */
  static fromFd(fd: number, ioasId: number): IommufdBackend {
    return new IommufdBackend(fd, ioasId);
  }

  enter(bdf: string, passed?: PassedNode): EnteredFunction {
    const deviceFd = passed === undefined ? openDevice(bdf) : passedDevice(bdf, passed);
    const { bytes, view } = sizedStruct(bindSizeBytes);
    view.setInt32(bindLayout.iommufd, this.#fd, true);
    const bound = (): JoinedDevice => {
      this.#attach(deviceFd, bdf);
      return { deviceFd, kvmFileFd: deviceFd, leave: () => closeFile(deviceFd) };
    };
    const refused = (error: unknown): never => {
      closeFile(deviceFd);
      throw explainBinding(error, bdf);
    };
    return {
      open: () => {
        try {
          ioctlStruct(deviceFd, VfioIoctl.deviceBindIommufd, bytes, bdf);
          return bound();
        } catch (error) {
          return refused(error);
        }
      },
      openAside: () => ioctlStructAside(deviceFd, VfioIoctl.deviceBindIommufd, bytes, bdf).then(bound).catch(refused),
    };
  }

  #attach(deviceFd: number, bdf: string): void {
    const { bytes, view } = sizedStruct(attachSizeBytes);
    view.setUint32(attachLayout.pageTableId, this.#ioasId, true);
    ioctlStruct(deviceFd, VfioIoctl.deviceAttachIommufdPt, bytes, bdf);
  }

  map(mapping: DmaMapping): void {
    ioctlStruct(this.#fd, VfioIoctl.iommuIoasMap, this.#encode(mapping), describeMapping(mapping));
  }

  async mapAside(mapping: DmaMapping): Promise<void> {
    await ioctlStructAside(this.#fd, VfioIoctl.iommuIoasMap, this.#encode(mapping), describeMapping(mapping));
  }

  #encode({ hostAddress, sizeBytes, iova }: DmaMapping): Uint8Array {
    const { bytes, view } = sizedStruct(ioasMapSizeBytes);
    view.setUint32(ioasMapLayout.flags, fixedReadWrite, true);
    view.setUint32(ioasMapLayout.ioas, this.#ioasId, true);
    view.setBigUint64(ioasMapLayout.userAddress, hostAddress, true);
    view.setBigUint64(ioasMapLayout.length, BigInt(sizeBytes), true);
    view.setBigUint64(ioasMapLayout.iova, BigInt(iova), true);
    return bytes;
  }

  unmap(iova: number, sizeBytes: number): void {
    this.#unmap(BigInt(iova), BigInt(sizeBytes));
  }

  unmapAll(): void {
    this.#unmap(0n, everything);
  }

  #unmap(iova: bigint, length: bigint): void {
    const { bytes, view } = sizedStruct(ioasUnmapSizeBytes);
    view.setUint32(ioasUnmapLayout.ioas, this.#ioasId, true);
    view.setBigUint64(ioasUnmapLayout.iova, iova, true);
    view.setBigUint64(ioasUnmapLayout.length, length, true);
    ioctlStruct(this.#fd, VfioIoctl.iommuIoasUnmap, bytes, `0x${iova.toString(16)}`);
  }

  iovaRanges(): IovaRange[] {
    let count = 16;
    for (;;) {
      const ranges = new Uint8Array(count * iovaRangeSizeBytes);
      const { bytes, view } = sizedStruct(iovaRangesSizeBytes);
      view.setUint32(iovaRangesLayout.ioas, this.#ioasId, true);
      view.setUint32(iovaRangesLayout.count, count, true);
      view.setBigUint64(iovaRangesLayout.ranges, addressOf(ranges), true);
      const fits = this.#askRanges(bytes);
      heldUntilHere(ranges);
      const found = view.getUint32(iovaRangesLayout.count, true);
      if (fits) return decodeRanges(ranges, found);
      count = found;
    }
  }

  /** False: there are more ranges than there was room for; the structure says how many. */
  #askRanges(bytes: Uint8Array): boolean {
    try {
      ioctlStruct(this.#fd, VfioIoctl.iommuIoasIovaRanges, bytes);
      return true;
    } catch (error) {
      if (error instanceof SystemCallError && error.code === 'EMSGSIZE') return false;
      throw error;
    }
  }

  get handles(): DmaDomainHandles {
    return { backend: 'iommufd', fd: this.#fd, ioasId: this.#ioasId };
  }

  close(): void {
    closeFile(this.#fd);
  }
}

function decodeRanges(bytes: Uint8Array, count: number): IovaRange[] {
  const view = new DataView(bytes.buffer);
  return Array.from({ length: count }, (_, i) => ({
    first: view.getBigUint64(i * iovaRangeSizeBytes + iovaRangeLayout.first, true),
    last: view.getBigUint64(i * iovaRangeSizeBytes + iovaRangeLayout.last, true),
  }));
}

function explainBinding(error: unknown, bdf: string): unknown {
  if (!(error instanceof SystemCallError)) return error;
  switch (error.code) {
    // A device node takes one user at a time and calls the second one's request invalid.
    case 'EINVAL':
    case 'EBUSY':
      return new VfioError('vfio-in-use', `${bdf} is in use: another process holds it. Take it back there first.`, {
        cause: error,
      });
    // The IOMMU group belongs to host drivers, or to another address space.
    case 'EPERM':
      return groupNotViable(bdf, { cause: error });
    default:
      return error;
  }
}

function openDevice(bdf: string): number {
  return openNode(deviceNode(bdf), {
    code: 'vfio-backend-missing',
    message: `${bdf} has no device node under /dev/vfio/devices although the kernel lists one. Is devtmpfs mounted on /dev?`,
  });
}

function passedDevice(bdf: string, passed: PassedNode): number {
  if (passed.kind === 'device') return passed.fd;
  if (passed.fd !== undefined) closeFile(passed.fd);
  throw wrongNode(bdf, "an IOMMU group's node, and works with iommufd");
}

/** Whether the kernel gave function `bdf` a device node. */
export function hasDeviceNode(bdf: string): boolean {
  return deviceNodeName(bdf) !== undefined;
}

function deviceNode(bdf: string): string {
  const name = deviceNodeName(bdf);
  if (name !== undefined) return `/dev/vfio/devices/${name}`;
  throw new VfioError(
    'vfio-backend-missing',
    `${bdf} has no VFIO device node: it is not bound to vfio-pci, or the kernel is older than 6.6. Dismount it first, or use the container interface.`,
  );
}

function deviceNodeName(bdf: string): string | undefined {
  try {
    return readdirSync(`/sys/bus/pci/devices/${bdf}/vfio-dev`)[0];
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
