import { bytes, type Fields, Layout, u32, u64 } from '../../vmbus/index.ts';
import type { ReplyName } from './replies.ts';
import type { MessageShape } from './shape.ts';
import { CELLS } from './structures.ts';
import { VpciVersion } from './version.ts';

/** A message that a guest sends. */
export interface GuestMessageShape<L extends MessageShape['layout'] = MessageShape['layout']> extends MessageShape<L> {
  /** The u32 at offset 0. */
  readonly messageType: number;
  /** The lowest protocol version that has it. */
  readonly since: VpciVersion | 'not offered';
  /** What it is completed with when that goes well; undefined: no honest guest asks for a completion. */
  readonly reply?: ReplyName;
  /** Whether Linux asks for a completion. */
  readonly linux: 'completion' | 'no completion' | 'never sent';
  /** What the host does with it, in a few words. */
  readonly effect: string;
}

/** What every type of message begins with: 'BI' and a number. */
export const MESSAGE_TYPE_BASE = 0x4249_0000;

const LINUX = 'Linux 6.1 drivers/pci/controller/pci-hyperv.c';
const OPENVMM = 'OpenVMM vm/devices/pci/vpci_protocol';

const type = u32(0, 'message type');
const slot = u32(4, 'slot of the function');

const guest = <F extends Fields>(message: GuestMessageShape<Layout<F>>): GuestMessageShape<Layout<F>> => message;

const assignedFields = {
  type,
  slot,
  resources: bytes(8, 120, 'six BAR resources, in the order of the BAR registers; Linux: zeros'),
  descriptorCount: u32(128, 'number of MSI descriptors that follow; Linux: 0'),
} as const;

const assigned = { resources: CELLS.barResource } as const;

/** Every message from guest to host, by the name the specification gives it. */
export const GUEST_MESSAGES = {
  QUERY_PROTOCOL_VERSION: guest({
    messageType: MESSAGE_TYPE_BASE + 0x13,
    since: VpciVersion.V1_1,
    reply: 'VERSION',
    linux: 'completion',
    effect: 'settles the version; the first message after opening, and never again after success',
    layout: new Layout('QUERY_PROTOCOL_VERSION', `${LINUX}, pci_version_request`, 8, {
      type,
      version: u32(4, 'version asked for'),
    }),
  }),
  QUERY_BUS_RELATIONS: guest({
    messageType: MESSAGE_TYPE_BASE + 0x01,
    since: VpciVersion.V1_1,
    reply: 'EMPTY',
    linux: 'no completion',
    effect: 'answered in-band with BUS_RELATIONS or BUS_RELATIONS2, also for an empty bus',
    layout: new Layout('QUERY_BUS_RELATIONS', `${LINUX}, hv_pci_query_relations`, 4, { type }),
  }),
  POWER_STATE_CHANGE: guest({
    messageType: MESSAGE_TYPE_BASE + 0x04,
    since: VpciVersion.V1_1,
    reply: 'STATUS',
    linux: 'never sent',
    effect: 'memory decoding on (D0) or off (D3)',
    layout: new Layout('POWER_STATE_CHANGE', `${OPENVMM}, DevicePowerChange`, 12, {
      type,
      slot,
      state: u32(8, '1 D0, 4 D3'),
    }),
  }),
  QUERY_RESOURCE_REQUIREMENTS: guest({
    messageType: MESSAGE_TYPE_BASE + 0x05,
    since: VpciVersion.V1_1,
    reply: 'REQUIREMENTS',
    linux: 'completion',
    effect: 'tells the size and kind of each BAR',
    layout: new Layout('QUERY_RESOURCE_REQUIREMENTS', `${LINUX}, pci_child_message`, 8, { type, slot }),
  }),
  QUERY_RESOURCE_RESOURCES: guest({
    messageType: MESSAGE_TYPE_BASE + 0x06,
    since: VpciVersion.V1_1,
    reply: 'CURRENT_RESOURCES',
    linux: 'never sent',
    effect: 'tells where the BARs are now',
    layout: new Layout('QUERY_RESOURCE_RESOURCES', `${OPENVMM}, GetResources (Windows sends 24 bytes more)`, 8, {
      type,
      slot,
    }),
  }),
  BUS_D0ENTRY: guest({
    messageType: MESSAGE_TYPE_BASE + 0x07,
    since: VpciVersion.V1_1,
    reply: 'STATUS',
    linux: 'completion',
    effect: 'the bus is powered: the config window answers from the completion on',
    layout: new Layout('BUS_D0ENTRY', `${LINUX}, pci_bus_d0_entry`, 16, {
      type,
      windowGpa: u64(8, 'guest-physical address of the config window'),
    }),
  }),
  BUS_D0EXIT: guest({
    messageType: MESSAGE_TYPE_BASE + 0x08,
    since: VpciVersion.V1_1,
    reply: 'STATUS',
    linux: 'completion',
    effect: 'the bus is off: window, tokens and BARs are gone',
    layout: new Layout('BUS_D0EXIT', `${LINUX}, hv_pci_bus_exit`, 4, { type }),
  }),
  READ_BLOCK: guest({
    messageType: MESSAGE_TYPE_BASE + 0x09,
    since: VpciVersion.V1_1,
    reply: 'STATUS',
    linux: 'completion',
    effect: 'refused: no function here has a side channel to its host driver',
    layout: new Layout('READ_BLOCK', `${LINUX}, pci_read_block`, 16, {
      type,
      blockId: u32(4, 'block'),
      slot: u32(8, 'slot of the function'),
      bytesWanted: u32(12, 'at most 128'),
    }),
  }),
  WRITE_BLOCK: guest({
    messageType: MESSAGE_TYPE_BASE + 0x0a,
    since: VpciVersion.V1_1,
    reply: 'STATUS',
    linux: 'completion',
    effect: 'refused, as READ_BLOCK',
    layout: new Layout('WRITE_BLOCK', `${LINUX}, pci_write_block`, 16, {
      type,
      blockId: u32(4, 'block'),
      slot: u32(8, 'slot of the function'),
      byteCount: u32(12, 'bytes that follow, at most 128'),
    }),
  }),
  QUERY_STOP: guest({
    messageType: MESSAGE_TYPE_BASE + 0x0c,
    since: 'not offered',
    reply: 'STATUS',
    linux: 'never sent',
    effect: 'refused as not supported: a guest may stop a function without asking',
    layout: new Layout('QUERY_STOP', `${OPENVMM}, MessageType; its slot is inferred`, 8, { type, slot }),
  }),
  QUERY_STOP_FAILED: guest({
    messageType: MESSAGE_TYPE_BASE + 0x0e,
    since: 'not offered',
    reply: 'STATUS',
    linux: 'never sent',
    effect: 'refused, as QUERY_STOP',
    layout: new Layout('QUERY_STOP_FAILED', `${OPENVMM}, MessageType; its slot is inferred`, 8, { type, slot }),
  }),
  EJECTION_COMPLETE: guest({
    messageType: MESSAGE_TYPE_BASE + 0x0f,
    since: VpciVersion.V1_1,
    linux: 'no completion',
    effect: 'the guest has let go of the function that EJECT asked for',
    layout: new Layout('EJECTION_COMPLETE', `${LINUX}, pci_eject_response (a u32 status follows, always 0)`, 8, {
      type,
      slot,
    }),
  }),
  RESOURCES_ASSIGNED: guest({
    messageType: MESSAGE_TYPE_BASE + 0x10,
    since: VpciVersion.V1_1,
    reply: 'ASSIGNED',
    linux: 'completion',
    effect: 'BARs placed, interrupts created; Linux sends zeros (148 bytes) and does both later',
    layout: new Layout('RESOURCES_ASSIGNED', `${LINUX}, pci_resources_assigned`, 136, assignedFields),
    parts: assigned,
    tail: { ...CELLS.descriptor, countField: 'descriptorCount', most: 494 },
  }),
  RESOURCES_RELEASED: guest({
    messageType: MESSAGE_TYPE_BASE + 0x11,
    since: VpciVersion.V1_1,
    reply: 'STATUS',
    linux: 'no completion',
    effect: "the function's tokens are gone, decoding is off, its BARs are zero",
    layout: new Layout('RESOURCES_RELEASED', `${LINUX}, pci_child_message`, 8, { type, slot }),
  }),
  CREATE_INTERRUPT: guest({
    messageType: MESSAGE_TYPE_BASE + 0x14,
    since: VpciVersion.V1_1,
    reply: 'INTERRUPT',
    linux: 'completion',
    effect: 'a token for one vector or an aligned block of them',
    layout: new Layout('CREATE_INTERRUPT', `${LINUX}, pci_create_interrupt`, 24, {
      type,
      slot,
      interrupt: bytes(8, 16, 'MSI descriptor'),
    }),
    parts: { interrupt: CELLS.descriptor },
  }),
  DELETE_INTERRUPT: guest({
    messageType: MESSAGE_TYPE_BASE + 0x15,
    since: VpciVersion.V1_1,
    reply: 'STATUS',
    linux: 'no completion',
    effect: 'the token is gone; its count is not looked at',
    layout: new Layout('DELETE_INTERRUPT', `${LINUX}, pci_delete_interrupt`, 24, {
      type,
      slot,
      interrupt: bytes(8, 16, 'MSI token'),
    }),
    parts: { interrupt: CELLS.token },
  }),
  RESOURCES_ASSIGNED2: guest({
    messageType: MESSAGE_TYPE_BASE + 0x16,
    since: VpciVersion.V1_2,
    reply: 'ASSIGNED2',
    linux: 'completion',
    effect: 'as RESOURCES_ASSIGNED; Linux sends 202 bytes',
    layout: new Layout('RESOURCES_ASSIGNED2', `${LINUX}, pci_resources_assigned2`, 136, assignedFields),
    parts: assigned,
    tail: { ...CELLS.descriptor2, countField: 'descriptorCount', most: 494 },
  }),
  CREATE_INTERRUPT2: guest({
    messageType: MESSAGE_TYPE_BASE + 0x17,
    since: VpciVersion.V1_2,
    reply: 'INTERRUPT',
    linux: 'completion',
    effect: 'as CREATE_INTERRUPT',
    layout: new Layout('CREATE_INTERRUPT2', `${LINUX}, pci_create_interrupt2`, 78, {
      type,
      slot,
      interrupt: bytes(8, 70, 'MSI descriptor 2'),
    }),
    parts: { interrupt: { ...CELLS.descriptor2, cellBytes: 70 } },
  }),
  DELETE_INTERRUPT2: guest({
    messageType: MESSAGE_TYPE_BASE + 0x18,
    since: VpciVersion.V1_2,
    reply: 'STATUS',
    linux: 'never sent',
    effect: 'as DELETE_INTERRUPT',
    layout: new Layout('DELETE_INTERRUPT2', `${OPENVMM}, DeleteInterrupt`, 24, {
      type,
      slot,
      interrupt: bytes(8, 16, 'MSI token'),
    }),
    parts: { interrupt: CELLS.token },
  }),
  RESOURCES_ASSIGNED3: guest({
    messageType: MESSAGE_TYPE_BASE + 0x1a,
    since: VpciVersion.V1_4,
    reply: 'ASSIGNED2',
    linux: 'never sent',
    effect: 'as RESOURCES_ASSIGNED',
    layout: new Layout('RESOURCES_ASSIGNED3', `${OPENVMM}, DeviceTranslate`, 136, assignedFields),
    parts: assigned,
    tail: { ...CELLS.descriptor3, countField: 'descriptorCount', most: 494 },
  }),
  CREATE_INTERRUPT3: guest({
    messageType: MESSAGE_TYPE_BASE + 0x1b,
    since: VpciVersion.V1_4,
    reply: 'INTERRUPT',
    linux: 'completion',
    effect: 'as CREATE_INTERRUPT',
    layout: new Layout('CREATE_INTERRUPT3', `${LINUX}, pci_create_interrupt3`, 82, {
      type,
      slot,
      interrupt: bytes(8, 74, 'MSI descriptor 3'),
    }),
    parts: { interrupt: { ...CELLS.descriptor3, cellBytes: 74 } },
  }),
  RESET_DEVICE: guest({
    messageType: MESSAGE_TYPE_BASE + 0x1c,
    since: 'not offered',
    reply: 'STATUS',
    linux: 'never sent',
    effect: 'refused as not supported: it came with 1.5',
    layout: new Layout('RESET_DEVICE', `${OPENVMM}, PdoMessage`, 8, { type, slot }),
  }),
  TDISP_COMMAND: guest({
    messageType: MESSAGE_TYPE_BASE + 0x1d,
    since: 'not offered',
    reply: 'STATUS',
    linux: 'never sent',
    effect: 'refused as not supported: for confidential guests only',
    layout: new Layout('TDISP_COMMAND', `${OPENVMM}, VpciTdispCommandHeader`, 16, {
      type,
      slot,
      dataBytes: u64(8, 'bytes that follow'),
    }),
  }),
} as const;

export type GuestMessageName = keyof typeof GUEST_MESSAGES;

const GUEST_NAMES = new Map(
  Object.entries(GUEST_MESSAGES).map(([name, message]) => [message.messageType, name as GuestMessageName] as const),
);

/** The name of the message that begins with `messageType`. */
export function guestMessageName(messageType: number): GuestMessageName | undefined {
  return GUEST_NAMES.get(messageType);
}
