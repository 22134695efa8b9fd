export { FileStorage, type OpenFile } from './file-storage.ts';
export type { CommandFault, FaultOrder, FaultPlan } from './faults.ts';
export { blockBytes, type Namespace } from './namespace.ts';
export type { SoftwareNvmeOptions } from './nvme-backend.ts';
export { type DiskIdentity, SoftwareDisk } from './software-disk.ts';
export { NvmeSubsystem, type NvmeSubsystemOptions } from './nvme-subsystem.ts';
export { SoftwareNvme } from './software-nvme.ts';
export { MemoryStorage, type Storage, type StorageDone, type StorageError } from './storage.ts';
