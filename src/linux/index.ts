export { SystemCallError, errnoName } from './libc/system-call-error.ts';
export { closeFile, duplicateFd, readFileAt, setCloseOnExec, writeFileAt } from './libc/files.ts';
export { punchHole } from './libc/fallocate.ts';
export { type AtOnce, type BytePlace, readInto, writeFrom } from './libc/vector-io.ts';
export { lockFile } from './libc/file-lock.ts';
export { forbidNewPrivileges, type Limit, readLimit, Resource, userId, writeLimit } from './libc/limits.ts';
export { FileIoctl } from './libc/file-ioctls.ts';
export type { Ioctl } from './libc/ioctl.ts';
export {
  type AllowedCall,
  type ArgumentCondition,
  compileFilter,
  type ErrnoName,
  type FilterPolicy,
} from './seccomp/compile-filter.ts';
export type { BpfInstruction } from './seccomp/bpf.ts';
export { installFilter } from './seccomp/install-filter.ts';
export { SystemCall, type SystemCallName } from './seccomp/system-call-numbers.ts';
export { HomeNamespaces } from './namespaces.ts';
export { nativePackageFile } from './native-package.ts';
export { openPidFd } from './libc/pidfd.ts';
export { waitReadable } from './libc/poll.ts';
export { signalProcess, threadId } from './libc/threads.ts';
export {
  bindDatagramSocket,
  receiveDatagram,
  sendDatagram,
  socketPeer,
  type SocketPeer,
} from './libc/unix-sockets.ts';

export { bufferAddress, coverWithZeroPages, mapFd, mapFdOver, SharedMemory } from './shared-memory.ts';
export { PrivateMemory } from './private-memory.ts';
export { EventFd } from './eventfd.ts';
export { type ClaimResult, claimBlockDevice, claimNode } from './claim-node.ts';
export { type FdWatch, watchReadable } from './fd-watch.ts';
export { type FdMessage, FdMessageTooLongError, FdSocket } from './fd-socket.ts';
export { FdListener } from './fd-listener.ts';
export { ProcessHandle } from './process-handle.ts';
export { KernelLog, type KernelLogRecord } from './kernel-log.ts';
export { type Uevent, UeventSocket } from './uevents.ts';
export { createMemoryFile, openFile, OpenFlag, Seal, sealMemoryFile } from './libc/files.ts';
export { raiseMemlock } from './locked-memory.ts';
export { linkName, isPresent, list, readAttribute, readBinaryAttribute, readLink, writeAttribute } from './sysfs.ts';
export { countOpenFiles, type ProcessStatus, readCommandLine, readProcessStatus } from './procfs.ts';

export { processorServesApic } from './kvm/apic-acceleration.ts';
export { Capability } from './kvm/capability.ts';
export { type CpuidEntry, maxCpuidEntries } from './kvm/cpuid.ts';
export { ExitReason, exitReasonName, MsrExitReason, SyncRegs } from './kvm/exit-reason.ts';
export { firstFreeGsi, type GsiRoute, irqchipRoutes, maxGsiRoutes } from './kvm/gsi-routing.ts';
export { kickSignal, kickThread, VcpuKicker } from './kvm/kick.ts';
export { Kvm } from './kvm/kvm.ts';
export { KvmError, type KvmErrorCode } from './kvm/kvm-error.ts';
export { KvmIoctl } from './kvm/kvm-ioctls.ts';
export type { DeniedMsrs } from './kvm/msr-filter.ts';
export type { KvmRegs, KvmSegment, KvmSregs, KvmTable, RegName } from './kvm/registers.ts';
export { KvmRunPage } from './kvm/run-page.ts';
export { type GuestSupport, kvmRunsGuests } from './kvm/runs-guests.ts';
export { type KvmVcpu, MpState, type MsrEntry } from './kvm/vcpu.ts';
export { runAgain, runInterrupted, runVcpu } from './kvm/vcpu-run.ts';
export type { KvmVfioDevice } from './kvm/vfio-device.ts';
export { KvmVm, type MemorySlot } from './kvm/vm.ts';

export type { VfioDevice, VfioDeviceHandles, VfioDeviceInfo } from './vfio/device.ts';
export type { DmaDomainHandles, IovaRange, PassedNode, VfioBackendKind } from './vfio/dma-backend.ts';
export { adoptDmaDomain, createDmaDomain, createDmaDomainOver, type DmaDomain } from './vfio/dma-domain.ts';
export type { DmaMapping } from './vfio/dma-mappings.ts';
export { IrqIndex, type VfioIrqInfo } from './vfio/irqs.ts';
export {
  adoptVfioDevice,
  openVfioDevice,
  openVfioDeviceAside,
  type OpenedWithMemory,
  vfioBackendFor,
  type VfioOpenRequest,
} from './vfio/open.ts';
export { RegionIndex, type RegionArea, type VfioRegion } from './vfio/region.ts';
export { VfioError, type VfioErrorCode } from './vfio/vfio-error.ts';
export { VfioIoctl } from './vfio/vfio-ioctls.ts';

export { type NvmeAdminCommand, type NvmeCompletion, sendNvmeAdmin } from './nvme/admin-command.ts';
export {
  decodeController,
  decodePrimaryCapabilities,
  decodeSecondaryControllers,
  identifyController,
  identifyPrimaryCapabilities,
  identifySecondaryControllers,
  type NvmeController,
  type NvmeFlexibleResource,
  type NvmePrimaryCapabilities,
  type NvmeSecondaryController,
  secondaryListEntries,
} from './nvme/identify.ts';
export { nvmeStatusText } from './nvme/status.ts';
export { assignToSecondary, bringSecondaryOnline, NvmeResource, takeSecondaryOffline } from './nvme/virtualization.ts';

export { exchangeRouteMessages } from './netlink/route-socket.ts';
export {
  decodeVirtualFunctions,
  encodeLinkQuestion,
  encodeVirtualFunctionChanges,
  type VirtualFunctionLink,
} from './netlink/virtual-function.ts';
