export type {
  BarDoorbell,
  BarRegion,
  BarShape,
  DmaRegion,
  FunctionBorrower,
  FunctionIdentity,
  MsiMessage,
  PciFunction,
} from './function.ts';
export type {
  AllocatePages,
  BackendBar,
  BackendEvents,
  BackendMapping,
  FunctionBackend,
  InterruptKind,
  Pages,
} from './function-backend.ts';
export { identityOf } from './identity.ts';
export { FunctionUnusableError, PolicedFunction } from './policed-function.ts';
export { PhysicalFunction } from './physical-function.ts';
export { sharedPages } from './shared-pages.ts';
export { hostNumaNode, openPhysicalFunction } from './open-physical.ts';
export type { FunctionWarning } from './physical-function.ts';
export {
  blockBytes,
  type CommandFault,
  type DiskIdentity,
  type FaultOrder,
  type FaultPlan,
  FileStorage,
  MemoryStorage,
  type Namespace,
  NvmeSubsystem,
  type NvmeSubsystemOptions,
  type OpenFile,
  SoftwareDisk,
  SoftwareNvme,
  type SoftwareNvmeOptions,
  type Storage,
  type StorageDone,
  type StorageError,
} from './software-nvme/index.ts';
