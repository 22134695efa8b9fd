import { closeFile } from '../libc/files.ts';
import { ioctlStruct } from '../libc/ioctl.ts';
import { addressOf, heldUntilHere } from '../libc/library.ts';
import { KvmIoctl } from './kvm-ioctls.ts';
import { createDeviceLayout, createDeviceSizeBytes, deviceAttrLayout, deviceAttrSizeBytes } from './layouts.ts';

/** KVM_DEV_TYPE_VFIO, KVM_DEV_VFIO_FILE and its attributes. Linux include/uapi/linux/kvm.h. */
const deviceTypeVfio = 4;
const groupFile = 1;
const attributeAdd = 1;
const attributeRemove = 2;

/**
 * KVM's knowledge of a VM's VFIO devices, which it needs where a device's DMA isn't coherent with the caches. It holds a
 * reference to each file that was added: remove it before the device is let go.
 */
export class KvmVfioDevice {
  readonly fd: number;
  #closed = false;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** @internal Made by {@link KvmVm.createVfioDevice}. */
  static create(vmFd: number): KvmVfioDevice {
    const bytes = new Uint8Array(createDeviceSizeBytes);
    const view = new DataView(bytes.buffer);
    view.setUint32(createDeviceLayout.type, deviceTypeVfio, true);
    ioctlStruct(vmFd, KvmIoctl.createDevice, bytes, 'VFIO');
    return new KvmVfioDevice(view.getInt32(createDeviceLayout.fd, true));
  }

  /** `fd`: {@link VfioDevice.kvmFileFd}. Once a file: the devices of one group share theirs. */
  add(fd: number): void {
    this.#set(attributeAdd, fd);
  }

  remove(fd: number): void {
    this.#set(attributeRemove, fd);
  }

  #set(attribute: number, fd: number): void {
    const argument = new Uint8Array(4);
    new DataView(argument.buffer).setInt32(0, fd, true);
    const bytes = new Uint8Array(deviceAttrSizeBytes);
    const view = new DataView(bytes.buffer);
    view.setUint32(deviceAttrLayout.group, groupFile, true);
    view.setBigUint64(deviceAttrLayout.attr, BigInt(attribute), true);
    view.setBigUint64(deviceAttrLayout.addr, addressOf(argument), true);
    ioctlStruct(this.fd, KvmIoctl.setDeviceAttr, bytes, `VFIO descriptor ${fd}`);
    heldUntilHere(argument);
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeFile(this.fd);
  }
}
