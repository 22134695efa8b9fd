import { readFileAt, writeFileAt } from '../libc/files.ts';
import { ioctlStruct, ioctlValue } from '../libc/ioctl.ts';
import { MapFlag, mapMemory, Protection, unmapMemory } from '../libc/mapping.ts';
import type { JoinedDevice } from './dma-backend.ts';
import type { DmaDomain } from './dma-domain.ts';
import { disableIrqs, setIrqEventFds, type VfioIrqInfo, readIrqInfo } from './irqs.ts';
import { deviceInfoLayout, deviceInfoSizeBytes, regionInfoLayout, regionInfoSizeBytes } from './layouts.ts';
import { decodeRegion, RegionIndex, type VfioRegion } from './region.ts';
import { askWithCapabilities, sizedStruct } from './struct.ts';
import { VfioError } from './vfio-error.ts';
import { VfioIoctl } from './vfio-ioctls.ts';

/** VFIO_DEVICE_FLAGS_RESET. */
const canReset = 1;

/** What a device is made of. `flags`: VFIO_DEVICE_FLAGS_*. */
export interface VfioDeviceInfo {
  readonly flags: number;
  readonly regionCount: number;
  readonly irqCount: number;
  /** Whether {@link VfioDevice.reset} works. */
  readonly resettable: boolean;
}

/** Descriptors of an open device, to be sent to another process, where {@link adoptVfioDevice} takes them over. */
export interface VfioDeviceHandles {
  readonly bdf: string;
  readonly deviceFd: number;
  /** Equal to `deviceFd` under iommufd; the group's under the container interface. */
  readonly kvmFileFd: number;
}

/**
 * One PCI function that this process drives through VFIO. Nothing here depends on the guest. Configuration space is
 * VFIO's virtualized one: BARs hold what was written, MSI and MSI-X are set up by {@link setIrqEventFds} only.
 */
export class VfioDevice {
  readonly bdf: string;
  readonly domain: DmaDomain;
  readonly info: VfioDeviceInfo;
  readonly #device: JoinedDevice;
  readonly #regions: VfioRegion[] = [];
  readonly #mappings = new Map<bigint, number>();
  readonly #enabledIrqs = new Set<number>();
  readonly #scratch = new Uint8Array(8);
  readonly #scratchView = new DataView(this.#scratch.buffer);
  #closed = false;

  /** @internal Made by {@link openVfioDevice} and {@link adoptVfioDevice}. */
  constructor(bdf: string, domain: DmaDomain, device: JoinedDevice) {
    this.bdf = bdf;
    this.domain = domain;
    this.#device = device;
    this.info = readDeviceInfo(device.deviceFd, bdf);
    // What comes after the configuration space is VGA, which only graphics cards answer for, and vendors' own regions.
    for (let index = 0; index <= RegionIndex.config; index++)
      this.#regions.push(readRegion(device.deviceFd, index, bdf));
  }

  get fd(): number {
    return this.#device.deviceFd;
  }

  /** For {@link KvmVfioDevice.add}. */
  get kvmFileFd(): number {
    return this.#device.kvmFileFd;
  }

  /** Descriptors to send to the process that is to drive the device; they stay open here until {@link close}. */
  get handles(): VfioDeviceHandles {
    return { bdf: this.bdf, deviceFd: this.#device.deviceFd, kvmFileFd: this.#device.kvmFileFd };
  }

  /** One of {@link RegionIndex}, or BAR 0 to 5. A region the device doesn't have: 0 bytes. */
  region(index: number): VfioRegion {
    const region = this.#regions[index];
    if (region === undefined)
      throw new RangeError(`${this.bdf} has ${this.#regions.length} regions, so none is number ${index}`);
    return region;
  }

  /**
   * Reads `sizeBytes` (1, 2, 4 or 8) at `offset`, aligned to it. Throws {@link SystemCallError} EIO: memory decoding is off;
   * EINVAL: outside the region.
   */
  readRegion(index: number, offset: number, sizeBytes: number): bigint {
    this.#scratchView.setBigUint64(0, 0n, true);
    readFileAt(this.fd, this.#scratch.subarray(0, sizeBytes), this.#fileOffset(index, offset, sizeBytes));
    return this.#scratchView.getBigUint64(0, true);
  }

  writeRegion(index: number, offset: number, sizeBytes: number, value: bigint): void {
    this.#scratchView.setBigUint64(0, BigInt.asUintN(64, value), true);
    writeFileAt(this.fd, this.#scratch.subarray(0, sizeBytes), this.#fileOffset(index, offset, sizeBytes));
  }

  /** Reads 1, 2 or 4 bytes of configuration space. */
  readConfig(offset: number, sizeBytes: number): number {
    return Number(this.readRegion(RegionIndex.config, offset, sizeBytes));
  }

  writeConfig(offset: number, sizeBytes: number, value: number): void {
    this.writeRegion(RegionIndex.config, offset, sizeBytes, BigInt(value >>> 0));
  }

  /** The region's own size bounds the access: the file goes on with other regions behind it. */
  #fileOffset(index: number, offset: number, sizeBytes: number): number {
    const region = this.region(index);
    if (offset < 0 || offset + sizeBytes > region.sizeBytes) {
      throw new RangeError(
        `${this.bdf}: region ${index} has ${region.sizeBytes} bytes; ${sizeBytes} at ${offset} are outside`,
      );
    }
    return region.fileOffset + offset;
  }

  /**
   * Maps part of a region that {@link VfioRegion.mappableAreas} holds into this process and gives its address. While the
   * function's memory decoding is off or it is being reset, an access faults: SIGBUS for a thread, −EFAULT from KVM_RUN.
   */
  mmapRegion(index: number, offset: number, sizeBytes: number): bigint {
    const address = mapMemory({
      address: 0n,
      sizeBytes,
      protection: Protection.read | Protection.write,
      flags: MapFlag.shared,
      fd: this.fd,
      offset: this.#fileOffset(index, offset, sizeBytes),
    });
    this.#mappings.set(address, sizeBytes);
    return address;
  }

  /**
   * Undoes {@link mmapRegion}. Delete memory slots that show it first: the guest would reach whatever this process
   * maps there next. Not mapped: nothing.
   */
  munmapRegion(address: bigint): void {
    const sizeBytes = this.#mappings.get(address);
    if (sizeBytes === undefined) return;
    this.#mappings.delete(address);
    unmapMemory(address, sizeBytes);
  }

  /** `index`: one of {@link IrqIndex}. */
  irqInfo(index: number): VfioIrqInfo {
    return readIrqInfo(this.fd, index);
  }

  /**
   * Vectors `start`… of an interrupt signal these eventfds from now on; undefined disconnects one. The first call on MSI or
   * MSI-X enables it with `start + fds.length` vectors; where {@link VfioIrqInfo.resizable} is false, later calls must
   * stay within them: to have more, {@link disableIrqs} and set all again.
   */
  setIrqEventFds(index: number, start: number, fds: readonly (number | undefined)[]): void {
    setIrqEventFds(this.fd, index, start, fds);
    this.#enabledIrqs.add(index);
  }

  /** Disconnects all vectors and turns the interrupt off in the device. Not enabled: nothing. */
  disableIrqs(index: number): void {
    // The kernel calls it invalid to disable what isn't enabled.
    if (this.#enabledIrqs.delete(index)) disableIrqs(this.fd, index);
  }

  /** Resets the function alone. Throws {@link VfioError} `vfio-no-reset`. May take a second. */
  reset(): void {
    if (!this.info.resettable) {
      throw new VfioError(
        'vfio-no-reset',
        `${this.bdf} can not be reset by itself: it has neither a function-level reset nor another way that leaves its neighbours alone.`,
      );
    }
    ioctlValue(this.fd, VfioIoctl.deviceReset, 0);
  }

  /**
   * Lets the device go: unmaps what is mapped, closes it. With the last descriptor that any process holds, the
   * kernel clears bus mastering and resets the function. {@link KvmVfioDevice.remove} it first. Idempotent.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const address of [...this.#mappings.keys()]) this.munmapRegion(address);
    this.#device.leave();
  }
}

function readDeviceInfo(fd: number, bdf: string): VfioDeviceInfo {
  const { bytes, view } = sizedStruct(deviceInfoSizeBytes);
  ioctlStruct(fd, VfioIoctl.deviceGetInfo, bytes, bdf);
  const flags = view.getUint32(deviceInfoLayout.flags, true);
  return {
    flags,
    regionCount: view.getUint32(deviceInfoLayout.regions, true),
    irqCount: view.getUint32(deviceInfoLayout.irqs, true),
    resettable: (flags & canReset) !== 0,
  };
}

function readRegion(fd: number, index: number, bdf: string): VfioRegion {
  const set = (view: DataView): void => view.setUint32(regionInfoLayout.index, index, true);
  const { view } = askWithCapabilities(
    fd,
    VfioIoctl.deviceGetRegionInfo,
    regionInfoSizeBytes,
    set,
    `${bdf} region ${index}`,
  );
  return decodeRegion(view);
}
