import { type Fields, Layout, u32, u64 } from '../../vmbus/index.ts';
import { MESSAGE_TYPE_BASE } from './guest-messages.ts';
import type { MessageShape } from './shape.ts';
import { CELLS } from './structures.ts';
import { VpciVersion } from './version.ts';

/** A message that a host sends: in-band, transaction id 0, no completion. */
export interface HostMessageShape<L extends MessageShape['layout'] = MessageShape['layout']> extends MessageShape<L> {
  readonly messageType: number;
  readonly since: VpciVersion;
  /** When it is sent. */
  readonly effect: string;
}

const LINUX = 'Linux 6.1 drivers/pci/controller/pci-hyperv.c';

const type = u32(0, 'message type');
const slot = u32(4, 'slot of the function');
const functionCount = u32(4, 'number of function descriptions that follow');

const host = <F extends Fields>(message: HostMessageShape<Layout<F>>): HostMessageShape<Layout<F>> => message;

/** Every message from host to guest. */
export const HOST_MESSAGES = {
  BUS_RELATIONS: host({
    messageType: MESSAGE_TYPE_BASE + 0x00,
    since: VpciVersion.V1_1,
    effect: 'answers QUERY_BUS_RELATIONS in versions 1.1 and 1.2',
    layout: new Layout('BUS_RELATIONS', `${LINUX}, pci_bus_relations`, 8, { type, functionCount }),
    tail: { ...CELLS.description, countField: 'functionCount', most: 256 },
  }),
  INVALIDATE_DEVICE: host({
    messageType: MESSAGE_TYPE_BASE + 0x02,
    since: VpciVersion.V1_1,
    effect: 'never sent; Linux ignores it',
    layout: new Layout('INVALIDATE_DEVICE', `${LINUX}, enum pci_message_type`, 8, { type, slot }),
  }),
  INVALIDATE_BUS: host({
    messageType: MESSAGE_TYPE_BASE + 0x03,
    since: VpciVersion.V1_1,
    effect: 'never sent; Linux ignores it',
    layout: new Layout('INVALIDATE_BUS', `${LINUX}, enum pci_message_type`, 4, { type }),
  }),
  EJECT: host({
    messageType: MESSAGE_TYPE_BASE + 0x0b,
    since: VpciVersion.V1_1,
    effect: 'asks the guest to let go of a function; once for a slot, ever',
    layout: new Layout('EJECT', `${LINUX}, pci_dev_incoming`, 8, { type, slot }),
  }),
  INVALIDATE_BLOCK: host({
    messageType: MESSAGE_TYPE_BASE + 0x12,
    since: VpciVersion.V1_1,
    effect: 'never sent: belongs to READ_BLOCK',
    layout: new Layout('INVALIDATE_BLOCK', `${LINUX}, pci_dev_inval_block`, 16, {
      type,
      slot,
      blockMask: u64(8, 'blocks that changed'),
    }),
  }),
  BUS_RELATIONS2: host({
    messageType: MESSAGE_TYPE_BASE + 0x19,
    since: VpciVersion.V1_3,
    effect: 'answers QUERY_BUS_RELATIONS from version 1.3 on',
    layout: new Layout('BUS_RELATIONS2', `${LINUX}, pci_bus_relations2`, 8, { type, functionCount }),
    tail: { ...CELLS.description2, countField: 'functionCount', most: 256 },
  }),
} as const;

export type HostMessageName = keyof typeof HOST_MESSAGES;

const HOST_NAMES = new Map(
  Object.entries(HOST_MESSAGES).map(([name, message]) => [message.messageType, name as HostMessageName] as const),
);

/** The name of the message that begins with `messageType`. */
export function hostMessageName(messageType: number): HostMessageName | undefined {
  return HOST_NAMES.get(messageType);
}
