import { bytes, type Fields, Layout, u16, u32 } from '../../vmbus/index.ts';
import type { MessageShape } from './shape.ts';
import { CELLS } from './structures.ts';

const LINUX = 'Linux 6.1 drivers/pci/controller/pci-hyperv.c';
const OPENVMM = 'OpenVMM vm/devices/pci/vpci_protocol';

const status = u32(0, 'NTSTATUS, negative = failure');

const reply = <F extends Fields>(message: MessageShape<Layout<F>>): MessageShape<Layout<F>> => message;

const assignedFields = {
  status,
  slot: u32(4, 'slot of the function'),
  resources: bytes(8, 120, 'the six BAR resources as the host took them'),
  tokenCount: u32(128, 'number of cells that follow'),
} as const;

const assigned = { resources: CELLS.barResource } as const;

/** The payloads of completions. A failure is always a bare STATUS, whatever the request. */
export const REPLIES = {
  /** Linux never sees it: it drops packets of 20 bytes or fewer. */
  EMPTY: reply({ layout: new Layout('empty', OPENVMM, 0, {}) }),
  STATUS: reply({ layout: new Layout('status', `${LINUX}, pci_response`, 4, { status }) }),
  VERSION: reply({
    layout: new Layout('version', `${OPENVMM}, QueryProtocolVersionReply`, 8, {
      status,
      version: u32(4, 'version the host speaks'),
    }),
  }),
  REQUIREMENTS: reply({
    layout: new Layout('requirements', `${LINUX}, pci_q_res_req_response`, 28, {
      status,
      barMasks: bytes(4, 24, 'six BAR masks'),
    }),
    parts: { barMasks: CELLS.barMask },
  }),
  CURRENT_RESOURCES: reply({
    layout: new Layout('current resources', `${OPENVMM}, PartialResourceList`, 128, {
      listVersion: u16(0, '1'),
      listRevision: u16(2, '1'),
      resourceCount: u32(4, '6'),
      resources: bytes(8, 120, 'six BAR resources'),
    }),
    parts: { resources: CELLS.barResource },
  }),
  INTERRUPT: reply({
    layout: new Layout('interrupt', `${LINUX}, pci_create_int_response`, 24, {
      status,
      interrupt: bytes(8, 16, 'MSI token'),
    }),
    parts: { interrupt: CELLS.token },
  }),
  ASSIGNED: reply({
    layout: new Layout('assigned', `${OPENVMM}, DeviceTranslateReply`, 136, assignedFields),
    parts: assigned,
    tail: { ...CELLS.token, countField: 'tokenCount', most: 494 },
  }),
  /** RESOURCES_ASSIGNED3 is answered with it, too. */
  ASSIGNED2: reply({
    layout: new Layout('assigned 2', `${OPENVMM}, DeviceTranslateReply`, 136, assignedFields),
    parts: assigned,
    tail: { ...CELLS.token2, countField: 'tokenCount', most: 494 },
  }),
} as const;

export type ReplyName = keyof typeof REPLIES;
