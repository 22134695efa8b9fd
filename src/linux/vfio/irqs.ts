import { ioctlStruct } from '../libc/ioctl.ts';
import { irqInfoLayout, irqInfoSizeBytes, irqSetLayout } from './layouts.ts';
import { sizedStruct } from './struct.ts';
import { VfioIoctl } from './vfio-ioctls.ts';

/** Interrupts of a PCI device. Linux include/uapi/linux/vfio.h, VFIO_PCI_*_IRQ_INDEX. */
export const IrqIndex = {
  intx: 0,
  msi: 1,
  msix: 2,
  /** The device reported an uncorrectable error. */
  error: 3,
  /** The host wants the device back: signalled at once and then every 10 s while a driver's unbinding waits. */
  request: 4,
} as const;
export type IrqIndex = (typeof IrqIndex)[keyof typeof IrqIndex];

/** `count` 0: the device doesn't have this interrupt. */
export interface VfioIrqInfo {
  readonly count: number;
  readonly eventFds: boolean;
  readonly maskable: boolean;
  /** Whether more vectors can be added while it is enabled. */
  readonly resizable: boolean;
}

/** VFIO_IRQ_INFO_* and VFIO_IRQ_SET_*. */
const infoFlag = { eventFd: 1, maskable: 2, noResize: 8 } as const;
const setFlag = { dataNone: 1, dataEventFd: 4, actionTrigger: 0x20 } as const;

export function readIrqInfo(deviceFd: number, index: number): VfioIrqInfo {
  const { bytes, view } = sizedStruct(irqInfoSizeBytes);
  view.setUint32(irqInfoLayout.index, index, true);
  ioctlStruct(deviceFd, VfioIoctl.deviceGetIrqInfo, bytes, `interrupt ${index}`);
  const flags = view.getUint32(irqInfoLayout.flags, true);
  return {
    count: view.getUint32(irqInfoLayout.count, true),
    eventFds: (flags & infoFlag.eventFd) !== 0,
    maskable: (flags & infoFlag.maskable) !== 0,
    resizable: (flags & infoFlag.noResize) === 0,
  };
}

export function setIrqEventFds(
  deviceFd: number,
  index: number,
  start: number,
  fds: readonly (number | undefined)[],
): void {
  const bytes = encodeIrqEventFds(index, start, fds);
  ioctlStruct(deviceFd, VfioIoctl.deviceSetIrqs, bytes, `interrupt ${index}, ${fds.length} vectors from ${start}`);
}

/** struct vfio_irq_set with one descriptor a vector; −1 disconnects. */
export function encodeIrqEventFds(index: number, start: number, fds: readonly (number | undefined)[]): Uint8Array {
  const { bytes, view } = sizedStruct(irqSetLayout.data + fds.length * 4);
  view.setUint32(irqSetLayout.flags, setFlag.dataEventFd | setFlag.actionTrigger, true);
  view.setUint32(irqSetLayout.index, index, true);
  view.setUint32(irqSetLayout.start, start, true);
  view.setUint32(irqSetLayout.count, fds.length, true);
  fds.forEach((fd, i) => view.setInt32(irqSetLayout.data + i * 4, fd ?? -1, true));
  return bytes;
}

export function disableIrqs(deviceFd: number, index: number): void {
  const { bytes, view } = sizedStruct(irqSetLayout.data);
  view.setUint32(irqSetLayout.flags, setFlag.dataNone | setFlag.actionTrigger, true);
  view.setUint32(irqSetLayout.index, index, true);
  ioctlStruct(deviceFd, VfioIoctl.deviceSetIrqs, bytes, `interrupt ${index}, off`);
}
