import type { NvmeAdminCommand } from './admin-command.ts';

/** NVM Express Base Specification 2.0, 5.17 Identify command, figure 273 (CNS values). */
const identifyOpcode = 0x06;
const controllerStructure = 0x01;
const primaryCapabilitiesStructure = 0x14;
const secondaryListStructure = 0x15;
const identifyBytes = 4096;

/** Identify Controller data structure, figure 275. */
const controllerLayout = { controllerId: 78, optionalAdminCommands: 256 } as const;
/** OACS bit 7: the Virtualization Management command is there. */
const virtualizationManagement = 1 << 7;

/** Primary Controller Capabilities data structure, figure 277. `VQ`: queue pairs, `VI`: interrupts. */
const capabilitiesLayout = {
  controllerId: 0,
  resourceTypes: 4,
  queues: 32,
  interrupts: 64,
} as const;
/** The same for queues and for interrupts, from where each begins: VQFRT, VQRFA, VQRFAP, VQPRT, VQFRSM, VQGRAN. */
const resourceLayout = {
  flexible: 0,
  assigned: 4,
  primary: 8,
  private: 10,
  mostPerSecondary: 12,
  granularity: 14,
} as const;

/** Secondary Controller List, figure 278, and its entries, figure 279. */
const listLayout = { count: 0, entries: 32 } as const;
const entryLayout = { controllerId: 0, state: 4, virtualFunction: 8, queues: 10, interrupts: 12 } as const;
const entrySizeBytes = 32;
/** The most that one list holds. */
export const secondaryListEntries = 127;

export interface NvmeController {
  readonly controllerId: number;
  readonly virtualizationManagement: boolean;
}

/** What the secondary controllers (the virtual functions) of a controller share of one kind. */
export interface NvmeFlexibleResource {
  /** Whether secondary controllers get any of this kind by assignment; otherwise each has its own. */
  readonly flexible: boolean;
  /** All there are to assign. */
  readonly total: number;
  /** Assigned to secondary controllers. */
  readonly assigned: number;
  /** Kept by the primary controller. */
  readonly primary: number;
  readonly mostPerSecondary: number;
  /** Preferred to be assigned in multiples of this. */
  readonly granularity: number;
}

export interface NvmePrimaryCapabilities {
  readonly controllerId: number;
  readonly queues: NvmeFlexibleResource;
  readonly interrupts: NvmeFlexibleResource;
}

export interface NvmeSecondaryController {
  readonly controllerId: number;
  readonly online: boolean;
  /** 1 is the first virtual function; 0: it isn't one. */
  readonly virtualFunction: number;
  readonly queues: number;
  readonly interrupts: number;
}

export const identifyController = (): NvmeAdminCommand => identify(controllerStructure, 0);

export const identifyPrimaryCapabilities = (controllerId: number): NvmeAdminCommand =>
  identify(primaryCapabilitiesStructure, controllerId);

/** Secondary controllers with ids from `firstId` on. */
export const identifySecondaryControllers = (firstId: number): NvmeAdminCommand =>
  identify(secondaryListStructure, firstId);

function identify(structure: number, controllerId: number): NvmeAdminCommand {
  return {
    opcode: identifyOpcode,
    cdw10: ((controllerId << 16) | structure) >>> 0,
    cdw11: 0,
    answerBytes: identifyBytes,
  };
}

export function decodeController(data: Uint8Array): NvmeController {
  const view = viewOf(data);
  return {
    controllerId: view.getUint16(controllerLayout.controllerId, true),
    virtualizationManagement:
      (view.getUint16(controllerLayout.optionalAdminCommands, true) & virtualizationManagement) !== 0,
  };
}

export function decodePrimaryCapabilities(data: Uint8Array): NvmePrimaryCapabilities {
  const view = viewOf(data);
  const types = view.getUint8(capabilitiesLayout.resourceTypes);
  return {
    controllerId: view.getUint16(capabilitiesLayout.controllerId, true),
    queues: resource(view, capabilitiesLayout.queues, (types & 1) !== 0),
    interrupts: resource(view, capabilitiesLayout.interrupts, (types & 2) !== 0),
  };
}

function resource(view: DataView, at: number, flexible: boolean): NvmeFlexibleResource {
  return {
    flexible,
    total: view.getUint32(at + resourceLayout.flexible, true),
    assigned: view.getUint32(at + resourceLayout.assigned, true),
    primary: view.getUint16(at + resourceLayout.primary, true),
    mostPerSecondary: view.getUint16(at + resourceLayout.mostPerSecondary, true),
    granularity: view.getUint16(at + resourceLayout.granularity, true),
  };
}

export function decodeSecondaryControllers(data: Uint8Array): NvmeSecondaryController[] {
  const view = viewOf(data);
  const count = Math.min(view.getUint8(listLayout.count), secondaryListEntries);
  return Array.from({ length: count }, (_, index) => {
    const at = listLayout.entries + index * entrySizeBytes;
    return {
      controllerId: view.getUint16(at + entryLayout.controllerId, true),
      online: (view.getUint8(at + entryLayout.state) & 1) !== 0,
      virtualFunction: view.getUint16(at + entryLayout.virtualFunction, true),
      queues: view.getUint16(at + entryLayout.queues, true),
      interrupts: view.getUint16(at + entryLayout.interrupts, true),
    };
  });
}

/** Throws RangeError for an answer that isn't one. */
function viewOf(data: Uint8Array): DataView {
  if (data.byteLength !== identifyBytes) throw new RangeError(`An Identify answer of ${data.byteLength} bytes.`);
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}
