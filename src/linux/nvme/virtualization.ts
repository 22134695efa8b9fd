import type { NvmeAdminCommand } from './admin-command.ts';

/**
 * Virtualization Management, NVM Express Base Specification 2.0, 5.28: action in bits 3:0 of dword 10, resource type in 10:8,
 * controller in 31:16; number of resources in bits 15:0 of dword 11.
 */
const virtualizationOpcode = 0x1c;
const VirtualizationAction = { secondaryOffline: 7, secondaryAssign: 8, secondaryOnline: 9 } as const;

export const NvmeResource = { queues: 0, interrupts: 1 } as const;
export type NvmeResource = (typeof NvmeResource)[keyof typeof NvmeResource];

/** Gives a secondary controller, which must be offline, so many flexible resources of a kind; 0 takes them all back. */
export const assignToSecondary = (controllerId: number, resource: NvmeResource, count: number): NvmeAdminCommand =>
  manage(VirtualizationAction.secondaryAssign, controllerId, resource, count);

export const bringSecondaryOnline = (controllerId: number): NvmeAdminCommand =>
  manage(VirtualizationAction.secondaryOnline, controllerId, NvmeResource.queues, 0);

export const takeSecondaryOffline = (controllerId: number): NvmeAdminCommand =>
  manage(VirtualizationAction.secondaryOffline, controllerId, NvmeResource.queues, 0);

function manage(action: number, controllerId: number, resource: NvmeResource, count: number): NvmeAdminCommand {
  return {
    opcode: virtualizationOpcode,
    cdw10: ((controllerId << 16) | (resource << 8) | action) >>> 0,
    cdw11: count,
    answerBytes: 0,
  };
}
