import { FileIoctl, type Ioctl, KvmIoctl, VfioIoctl } from '../../../linux/index.ts';
import type { Row } from './phase.ts';

export interface IoctlRow extends Row {
  readonly ioctl: Ioctl;
}

const row = (until: Row['until'], ioctl: Ioctl, why: string): IoctlRow => ({ until, ioctl, why });

/** The requests of ioctl(2) that a VM process makes, the most frequent first. All others fail with EPERM. */
export const ioctlTable: readonly IoctlRow[] = [
  row('always', KvmIoctl.run, "the guest runs, on its vCPU's thread"),
  row('always', KvmIoctl.irqLine, 'the interrupt of the serial port'),
  row('always', KvmIoctl.signalMsi, 'interrupts of VMBus, and those of functions that have no eventfd'),
  row('always', KvmIoctl.irqfd, "a function's interrupts reach the guest without an exit"),
  row('always', KvmIoctl.setGsiRouting, 'where they go in the guest'),
  row('always', KvmIoctl.ioeventfd, 'doorbells of functions that are software'),
  row('always', KvmIoctl.setUserMemoryRegion, 'BARs and configuration windows come and go with functions'),
  row('always', KvmIoctl.getMsrs, 'a register of AMD processors that the guest reads through this process'),
  row('always', KvmIoctl.setMsrs, 'where the guest wants to hear that no EOI is required'),
  row('always', VfioIoctl.deviceSetIrqs, "a function's interrupts are connected and taken away"),
  row('always', VfioIoctl.deviceReset, 'a function is reset when it is lent, and when the guest asks for it'),
  row('always', VfioIoctl.deviceGetInfo, 'a function is lent: what it has'),
  row('always', VfioIoctl.deviceGetRegionInfo, 'a function is lent: its BARs and configuration space'),
  row('always', VfioIoctl.deviceGetIrqInfo, 'a function is lent: its interrupts'),
  row('always', VfioIoctl.getApiVersion, 'the first function is lent: whether the container is one'),
  row('always', VfioIoctl.checkExtension, 'the first function is lent: whether the container has the IOMMU model'),
  row('always', VfioIoctl.groupGetStatus, 'a function is lent: whether its group may be used'),
  row('always', VfioIoctl.groupSetContainer, 'a function is lent: its group joins the container'),
  row('always', VfioIoctl.groupGetDeviceFd, 'a function is lent: its device is opened'),
  row('always', VfioIoctl.setIommu, 'the first function is lent: the container gets its IOMMU'),
  row('always', VfioIoctl.iommuGetInfo, 'a function is lent: which addresses it can reach'),
  row('always', VfioIoctl.iommuMapDma, "the guest's memory is mapped for DMA"),
  row('always', VfioIoctl.iommuUnmapDma, 'and taken away'),
  row('always', VfioIoctl.deviceBindIommufd, 'the same with iommufd: a device joins'),
  row('always', VfioIoctl.deviceAttachIommufdPt, 'iommufd: a device gets an address space'),
  row('always', VfioIoctl.iommuIoasAlloc, 'iommufd: an address space'),
  row('always', VfioIoctl.iommuIoasIovaRanges, 'iommufd: which addresses it has'),
  row('always', VfioIoctl.iommuIoasMap, "iommufd: the guest's memory is mapped for DMA"),
  row('always', VfioIoctl.iommuIoasUnmap, 'iommufd: and taken away'),
  row('always', FileIoctl.setNonBlocking, 'libuv, for each descriptor that is watched'),
  row('start', FileIoctl.terminalSettings, 'Node asks whether standard output is a terminal'),
  row('start', KvmIoctl.getApiVersion, 'whether this KVM is one'),
  row('start', KvmIoctl.checkExtension, 'what this KVM can do'),
  row('start', KvmIoctl.getVcpuMmapSize, "how large a vCPU's page is"),
  row('start', KvmIoctl.getSupportedCpuid, 'what the processor has'),
  row('start', KvmIoctl.createVm, 'the VM'),
  row('start', KvmIoctl.createVcpu, 'its vCPUs; none is added later'),
  row('start', KvmIoctl.createIrqchip, 'its interrupt controllers'),
  row('start', KvmIoctl.setTssAddr, 'pages that Intel processors need'),
  row('start', KvmIoctl.setIdentityMapAddr, 'a page that Intel processors need'),
  row('start', KvmIoctl.enableCap, 'which exits the VM makes'),
  row('start', KvmIoctl.setMsrFilter, 'which registers exit'),
  row('start', KvmIoctl.setCpuid2, 'what the guest sees of the processor'),
  row('start', KvmIoctl.getTscKhz, "the frequency of the guest's clock"),
  row('start', KvmIoctl.getRegs, "the boot processor's first state"),
  row('start', KvmIoctl.setRegs, "the boot processor's first state"),
  row('start', KvmIoctl.getSregs, "the boot processor's first state"),
  row('start', KvmIoctl.setSregs, "the boot processor's first state"),
];
