import { maxEventRequests } from './async-events.ts';
import { allNamespaces } from './command.ts';
import { errorLogEntries } from './log-pages.ts';
import { blockCount, blockShift, type Namespace } from './namespace.ts';
import { maxTransferShift, nvmeVersion } from './registers.ts';
import type { ControllerRole } from './role.ts';
import { NvmeStatus } from './status.ts';

/** Which structure Identify asks for (CNS), NVM Express Base Specification 1.4, 5.15 and figure 244. */
const Structure = {
  namespace: 0x00,
  controller: 0x01,
  activeNamespaces: 0x02,
  descriptors: 0x03,
  primaryCapabilities: 0x14,
  secondaryList: 0x15,
} as const;
export const identifyBytes = 4096;

/** What tells one controller from another. ASCII; cut or padded to the field. */
export interface ControllerIdentity {
  readonly vendorId: number;
  /** 20 characters. */
  readonly serialNumber: string;
  /** 40 characters. */
  readonly modelNumber: string;
  /** 8 characters. */
  readonly firmwareRevision: string;
  /** The subsystem's name, `nqn.…`. */
  readonly qualifiedName: string;
}

/** What {@link identify} tells of. */
export interface Identified {
  readonly identity: ControllerIdentity;
  readonly namespaces: readonly Namespace[];
  readonly role: ControllerRole;
}

/** CMIC, NMIC. */
const severalControllers = 1 << 1;
const ofVirtualFunction = 1 << 2;
const sharedNamespace = 0x01;
/** OACS: Virtualization Management. */
const virtualizationManagement = 1 << 7;
/** OACS: Format NVM, Doorbell Buffer Config. */
const optionalAdminCommands = (1 << 1) | (1 << 8);
/** ONCS: Compare, Dataset Management, Write Zeroes, Save and Select. */
const optionalCommands = (1 << 0) | (1 << 2) | (1 << 3) | (1 << 4);
/** FRMW: one slot, which can't be written. */
const firmwareUpdates = 0x03;
/** LPA: commands supported and effects; offsets and long lengths. */
const logPageAttributes = (1 << 1) | (1 << 2);
/** VWC: there is a write cache, and a flush may name all namespaces. */
const volatileWriteCache = 0x07;
/** DLFEAT: deallocated blocks read zero; Write Zeroes may deallocate. */
const deallocatedBlocks = 0x01 | 0x08;
const writeProtected = 0x01;
/** NIDT of figure 249. */
const uuidDescriptor = 0x03;

/** The structure that is asked for, or the status that the command ends with. */
export function identify(
  cdw10: number,
  namespaceId: number,
  { identity, namespaces, role }: Identified,
): Uint8Array | NvmeStatus {
  switch (cdw10 & 0xff) {
    case Structure.controller:
      return identifyController(identity, namespaces.length, role);
    case Structure.namespace: {
      const namespace = namespaces[namespaceId - 1];
      return namespace === undefined ? NvmeStatus.invalidNamespaceOrFormat : identifyNamespace(namespace, role);
    }
    case Structure.activeNamespaces:
      if (namespaceId >= allNamespaces - 1) return NvmeStatus.invalidNamespaceOrFormat;
      return activeNamespaces(namespaceId, namespaces.length);
    case Structure.descriptors: {
      const namespace = namespaces[namespaceId - 1];
      return namespace === undefined ? NvmeStatus.invalidNamespaceOrFormat : descriptors(namespace);
    }
    case Structure.primaryCapabilities:
      return role.secondaries?.capabilities() ?? NvmeStatus.invalidField;
    case Structure.secondaryList:
      return role.secondaries?.list(cdw10 >>> 16) ?? NvmeStatus.invalidField;
    default:
      return NvmeStatus.invalidField;
  }
}

/** Figure 247. What isn't set is 0: not there, or not told. */
function identifyController(identity: ControllerIdentity, namespaceCount: number, role: ControllerRole): Uint8Array {
  const bytes = new Uint8Array(identifyBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, identity.vendorId, true);
  view.setUint16(2, identity.vendorId, true);
  bytes.set(text(identity.serialNumber, 20), 4);
  bytes.set(text(identity.modelNumber, 40), 24);
  bytes.set(text(identity.firmwareRevision, 8), 64);
  view.setUint8(76, (role.isShared ? severalControllers : 0) | (role.isVirtual ? ofVirtualFunction : 0));
  view.setUint8(77, maxTransferShift);
  view.setUint16(78, role.controllerId, true);
  view.setUint32(80, nvmeVersion, true);
  // An I/O controller.
  view.setUint8(111, 1);
  const managing = role.secondaries === undefined ? 0 : virtualizationManagement;
  view.setUint16(256, optionalAdminCommands | managing, true);
  // Aborts at once, 0-based: all are carried out at once.
  view.setUint8(258, 3);
  view.setUint8(259, maxEventRequests - 1);
  view.setUint8(260, firmwareUpdates);
  view.setUint8(261, logPageAttributes);
  view.setUint8(262, errorLogEntries - 1);
  // Warning and critical temperature, in kelvins: never reached.
  view.setUint16(266, 343, true);
  view.setUint16(268, 353, true);
  // Entry sizes, required and largest: 64 and 16 bytes.
  view.setUint8(512, 0x66);
  view.setUint8(513, 0x44);
  view.setUint32(516, namespaceCount, true);
  view.setUint16(520, optionalCommands, true);
  view.setUint8(525, volatileWriteCache);
  bytes.set(new TextEncoder().encode(identity.qualifiedName).subarray(0, 223), 768);
  return bytes;
}

/** Figure 245: one format, no metadata. */
function identifyNamespace(namespace: Namespace, { isShared }: ControllerRole): Uint8Array {
  const bytes = new Uint8Array(identifyBytes);
  const view = new DataView(bytes.buffer);
  const blocks = BigInt(blockCount(namespace));
  view.setBigUint64(0, blocks, true);
  view.setBigUint64(8, blocks, true);
  view.setBigUint64(16, blocks, true);
  view.setUint8(30, isShared ? sharedNamespace : 0);
  view.setUint8(33, deallocatedBlocks);
  view.setUint8(99, namespace.storage.readOnly ? writeProtected : 0);
  view.setUint8(128 + 2, blockShift);
  return bytes;
}

function activeNamespaces(after: number, count: number): Uint8Array {
  const bytes = new Uint8Array(identifyBytes);
  const view = new DataView(bytes.buffer);
  for (let id = after + 1, at = 0; id <= count && at < identifyBytes; id += 1, at += 4) view.setUint32(at, id, true);
  return bytes;
}

/** Figure 249: type, length, two reserved bytes, the value; a type of 0 ends the list. */
function descriptors({ uuid }: Namespace): Uint8Array {
  const bytes = new Uint8Array(identifyBytes);
  bytes.set([uuidDescriptor, uuid.byteLength], 0);
  bytes.set(uuid, 4);
  return bytes;
}

function text(value: string, sizeBytes: number): Uint8Array {
  return new TextEncoder().encode(value.padEnd(sizeBytes).slice(0, sizeBytes));
}
