import { closeFile } from '../libc/files.ts';
import { ioctlStruct, ioctlValue } from '../libc/ioctl.ts';
import { heldUntilHere } from '../libc/library.ts';
import type { Capability } from './capability.ts';
import { enableCapability } from './enable-cap.ts';
import { encodeRouting, type GsiRoute } from './gsi-routing.ts';
import { KvmIoctl } from './kvm-ioctls.ts';
import {
  ioeventfdLayout,
  ioeventfdSizeBytes,
  irqfdLayout,
  irqfdSizeBytes,
  irqLevelLayout,
  irqLevelSizeBytes,
  memoryRegionLayout,
  memoryRegionSizeBytes,
  msiLayout,
  msiSizeBytes,
} from './layouts.ts';
import { type DeniedMsrs, encodeMsrFilter } from './msr-filter.ts';
import { KvmVcpu } from './vcpu.ts';
import { KvmVfioDevice } from './vfio-device.ts';

/** A piece of guest-physical memory. Slots can't be resized: delete (sizeBytes 0) and set again. */
export interface MemorySlot {
  readonly slot: number;
  readonly gpa: number;
  /** Whole pages; 0 deletes the slot. */
  readonly sizeBytes: number;
  /**
   * Where it is in this process. It must stay mapped until the slot is deleted: KVM follows the address, and the guest
   * would reach whatever is mapped there next.
   */
  readonly hostAddress: bigint;
  /** Writes leave as MMIO exits; reads don't leave. */
  readonly readOnly?: boolean;
}

/** KVM_MEM_READONLY. */
const readOnlyMemory = 2;
/** KVM_IOEVENTFD_FLAG_DEASSIGN. */
const ioeventfdDeassign = 4;
/** KVM_IRQFD_FLAG_DEASSIGN. */
const irqfdDeassign = 1;

/**
 * One VM of KVM. Its methods may be called from any thread while vCPUs run; when one that takes memory, routes or
 * interrupts away returns, no vCPU uses them any more.
 */
export class KvmVm {
  readonly fd: number;
  readonly #runSizeBytes: number;
  readonly #msi = new Uint8Array(msiSizeBytes);
  readonly #msiView = new DataView(this.#msi.buffer);
  #closed = false;

  /**
   * Made by {@link Kvm.createVm}. Another thread of the same process may make one from the descriptor's number, to deliver
   * interrupts from there; it doesn't close it. `runSizeBytes`: the size of a vCPU's {@link KvmVcpu.runBuffer}.
   */
  constructor(fd: number, runSizeBytes: number) {
    this.fd = fd;
    this.#runSizeBytes = runSizeBytes;
  }

  checkExtension(capability: Capability): number {
    return ioctlValue(this.fd, KvmIoctl.checkExtension, capability);
  }

  /** The two PICs, the I/O APIC and a local APIC for each vCPU. Before the first vCPU. */
  createIrqchip(): void {
    ioctlValue(this.fd, KvmIoctl.createIrqchip, 0);
  }

  /** Three guest pages that Intel processors need for themselves; not RAM. */
  setTssAddr(gpa: number): void {
    ioctlValue(this.fd, KvmIoctl.setTssAddr, gpa);
  }

  /** One guest page that Intel processors need for themselves; not RAM. Before the first vCPU. */
  setIdentityMapAddr(gpa: number): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(gpa), true);
    ioctlStruct(this.fd, KvmIoctl.setIdentityMapAddr, bytes);
  }

  enableCap(capability: Capability, ...args: readonly bigint[]): void {
    enableCapability(this.fd, capability, args);
  }

  /** Everything is KVM's own affair but `denied`; replaces the filter before. MSRs of the x2APIC can't be denied. */
  setMsrFilter(denied: readonly DeniedMsrs[]): void {
    const { filter, bitmaps } = encodeMsrFilter(denied);
    ioctlStruct(this.fd, KvmIoctl.setMsrFilter, filter, `${denied.length} ranges`);
    heldUntilHere(...bitmaps);
  }

  /** Sets, moves or (sizeBytes 0) deletes a slot. */
  setMemoryRegion(region: MemorySlot): void {
    const bytes = new Uint8Array(memoryRegionSizeBytes);
    const view = new DataView(bytes.buffer);
    view.setUint32(memoryRegionLayout.slot, region.slot, true);
    view.setUint32(memoryRegionLayout.flags, region.readOnly === true ? readOnlyMemory : 0, true);
    view.setBigUint64(memoryRegionLayout.guestPhysAddr, BigInt(region.gpa), true);
    view.setBigUint64(memoryRegionLayout.memorySize, BigInt(region.sizeBytes), true);
    view.setBigUint64(memoryRegionLayout.userspaceAddr, region.hostAddress, true);
    ioctlStruct(
      this.fd,
      KvmIoctl.setUserMemoryRegion,
      bytes,
      `slot ${region.slot}, ${region.sizeBytes} bytes at 0x${region.gpa.toString(16)}`,
    );
  }

  /** Sets an input of the interrupt chips. */
  irqLine(gsi: number, level: 0 | 1): void {
    const bytes = new Uint8Array(irqLevelSizeBytes);
    const view = new DataView(bytes.buffer);
    view.setUint32(irqLevelLayout.irq, gsi, true);
    view.setUint32(irqLevelLayout.level, level, true);
    ioctlStruct(this.fd, KvmIoctl.irqLine, bytes);
  }

  /**
   * Delivers a message-signalled interrupt now. `address` 0xFEE….; bits 63:40 hold APIC id bits 31:8 under
   * {@link Capability.x2apicApi}. False: the guest blocks it or it is pending already.
   */
  signalMsi(message: { readonly address: bigint; readonly data: number }): boolean {
    this.#msiView.setUint32(msiLayout.addressLow, Number(message.address & 0xffff_ffffn), true);
    this.#msiView.setUint32(msiLayout.addressHigh, Number((message.address >> 32n) & 0xffff_ffffn), true);
    this.#msiView.setUint32(msiLayout.data, message.data, true);
    return ioctlStruct(this.fd, KvmIoctl.signalMsi, this.#msi) > 0;
  }

  /** Replaces the whole table: start from {@link irqchipRoutes}. Costs milliseconds on old kernels, so change many at once. */
  setGsiRouting(routes: readonly GsiRoute[]): void {
    ioctlStruct(this.fd, KvmIoctl.setGsiRouting, encodeRouting(routes), `${routes.length} routes`);
  }

  /** From now on the kernel itself raises `gsi` each time eventfd `eventFd` is signalled. One GSI an eventfd. */
  connectIrqfd(eventFd: number, gsi: number): void {
    this.#irqfd(eventFd, gsi, 0);
  }

  /** Undoes {@link connectIrqfd} with the same arguments; signals that come afterwards stay in the eventfd. */
  disconnectIrqfd(eventFd: number, gsi: number): void {
    this.#irqfd(eventFd, gsi, irqfdDeassign);
  }

  #irqfd(eventFd: number, gsi: number, flags: number): void {
    const bytes = new Uint8Array(irqfdSizeBytes);
    const view = new DataView(bytes.buffer);
    view.setUint32(irqfdLayout.fd, eventFd, true);
    view.setUint32(irqfdLayout.gsi, gsi, true);
    view.setUint32(irqfdLayout.flags, flags, true);
    ioctlStruct(this.fd, KvmIoctl.irqfd, bytes, `descriptor ${eventFd}, GSI ${gsi}`);
  }

  /**
   * From now on a write of `sizeBytes` to `gpa`, whatever is written, signals `eventFd` and leaves the guest no further than the
   * kernel. The address must not be in a memory slot.
   */
  connectDoorbell(eventFd: number, gpa: number, sizeBytes: number): void {
    this.#ioeventfd(eventFd, gpa, sizeBytes, 0);
  }

  /** Undoes {@link connectDoorbell} with the same arguments: writes exit again. */
  disconnectDoorbell(eventFd: number, gpa: number, sizeBytes: number): void {
    this.#ioeventfd(eventFd, gpa, sizeBytes, ioeventfdDeassign);
  }

  #ioeventfd(eventFd: number, gpa: number, sizeBytes: number, flags: number): void {
    const bytes = new Uint8Array(ioeventfdSizeBytes);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(ioeventfdLayout.address, BigInt(gpa), true);
    view.setUint32(ioeventfdLayout.length, sizeBytes, true);
    view.setInt32(ioeventfdLayout.fd, eventFd, true);
    view.setUint32(ioeventfdLayout.flags, flags, true);
    ioctlStruct(this.fd, KvmIoctl.ioeventfd, bytes, `descriptor ${eventFd}, address 0x${gpa.toString(16)}`);
  }

  createVcpu(id: number): KvmVcpu {
    return new KvmVcpu(ioctlValue(this.fd, KvmIoctl.createVcpu, id), id, this.#runSizeBytes);
  }

  /** Tells KVM which VFIO devices the guest reaches. */
  createVfioDevice(): KvmVfioDevice {
    return KvmVfioDevice.create(this.fd);
  }

  /**
   * The VM itself is gone once all vCPUs are closed too, and devices let go of it. Idempotent.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeFile(this.fd);
  }
}
