/** Layouts of the messages that guests post. Where no other source is named: Linux 6.1 include/linux/hyperv.h. */
import { bytes, guid, u16, u32, u64, u8 } from '../../hyperv/index.ts';
import { MessageLayout } from './message-layout.ts';

const LINUX = 'Linux 6.1 include/linux/hyperv.h';
const OPENVMM = 'OpenVMM vmbus_core/src/protocol.rs';

const relid = u32(8, 'relid of the channel');

/** From protocol 5.0 on: bytes 16 to 23 name the SINT and VTL. */
export const INITIATE_CONTACT = new MessageLayout('INITIATE_CONTACT', `${LINUX}, vmbus_channel_initiate_contact`, 40, {
  version: u32(8, 'protocol version, major << 16 | minor'),
  targetVp: u32(12, 'VP that shall receive channel messages'),
  sint: u8(16, 'SINT that shall receive them'),
  vtl: u8(17, 'virtual trust level of the SINT'),
  featureFlags: u32(20, 'features the guest asks for (6.0)'),
  parentToChildMonitorGpa: u64(24, 'monitor page 1; unused'),
  childToParentMonitorGpa: u64(32, 'monitor page 2; unused'),
});

/** Before protocol 5.0: the same bytes hold the address of the interrupt page. */
export const INITIATE_CONTACT_BEFORE_5_0 = new MessageLayout(
  'INITIATE_CONTACT',
  `${LINUX}, vmbus_channel_initiate_contact`,
  40,
  {
    version: INITIATE_CONTACT.fields.version,
    targetVp: u32(12, 'VP that shall receive channel messages (from 3.0 on)'),
    interruptPageGpa: u64(16, 'interrupt page of shared connections; unused'),
    parentToChildMonitorGpa: INITIATE_CONTACT.fields.parentToChildMonitorGpa,
    childToParentMonitorGpa: INITIATE_CONTACT.fields.childToParentMonitorGpa,
  },
);

/** Protocol 6.0 with the client-id feature. */
export const INITIATE_CONTACT_WITH_CLIENT = new MessageLayout('INITIATE_CONTACT', `${OPENVMM}, InitiateContact2`, 56, {
  ...INITIATE_CONTACT.fields,
  clientId: guid(40, 'who connects'),
});

export const REQUESTOFFERS = new MessageLayout('REQUESTOFFERS', LINUX, 8, {});

export const OPENCHANNEL = new MessageLayout('OPENCHANNEL', `${LINUX}, vmbus_channel_open_channel`, 148, {
  relid,
  openId: u32(12, 'echoed in the result; Linux uses the relid'),
  ringGpadl: u32(16, 'GPADL of both rings'),
  targetVp: u32(20, 'VP that shall receive the channel’s event flag'),
  downstreamPageOffset: u32(24, 'first page of the host → guest ring within the GPADL'),
  userData: bytes(28, 120, 'for the provider'),
});

export const CLOSECHANNEL = new MessageLayout('CLOSECHANNEL', `${LINUX}, vmbus_channel_close_channel`, 12, { relid });

/** The range buffer starts right behind. */
export const GPADL_HEADER = new MessageLayout('GPADL_HEADER', `${LINUX}, vmbus_channel_gpadl_header`, 20, {
  relid,
  gpadl: u32(12, 'handle, the guest’s choice'),
  rangeBufferBytes: u16(16, 'length of the whole range buffer'),
  rangeCount: u16(18, 'ranges in it'),
});

/** The next part of the range buffer follows. */
export const GPADL_BODY = new MessageLayout('GPADL_BODY', `${LINUX}, vmbus_channel_gpadl_body`, 16, {
  messageNumber: u32(8, 'position among the bodies; the order of arrival counts'),
  gpadl: u32(12, 'handle'),
});

export const GPADL_TEARDOWN = new MessageLayout('GPADL_TEARDOWN', `${LINUX}, vmbus_channel_gpadl_teardown`, 16, {
  relid,
  gpadl: u32(12, 'handle'),
});

export const RELID_RELEASED = new MessageLayout('RELID_RELEASED', `${LINUX}, vmbus_channel_relid_released`, 12, {
  relid,
});

export const UNLOAD = new MessageLayout('UNLOAD', LINUX, 8, {});

export const OPEN_RESERVED_CHANNEL = new MessageLayout('OPEN_RESERVED_CHANNEL', `${OPENVMM}, OpenReservedChannel`, 28, {
  relid,
  targetVp: u32(12, 'VP that shall receive the result'),
  targetSint: u32(16, 'SINT that shall receive it'),
  ringGpadl: u32(20, 'GPADL of both rings'),
  downstreamPageOffset: u32(24, 'first page of the host → guest ring'),
});

export const CLOSE_RESERVED_CHANNEL = new MessageLayout(
  'CLOSE_RESERVED_CHANNEL',
  `${OPENVMM}, CloseReservedChannel`,
  20,
  {
    relid,
    targetVp: u32(12, 'VP that shall receive the response'),
    targetSint: u32(16, 'SINT that shall receive it'),
  },
);

export const TL_CONNECT_REQUEST = new MessageLayout(
  'TL_CONNECT_REQUEST',
  `${LINUX}, vmbus_channel_tl_connect_request`,
  40,
  {
    endpointId: guid(8, 'endpoint that the guest listens on or connects from'),
    serviceId: guid(24, 'service on the host'),
  },
);

export const MODIFYCHANNEL = new MessageLayout('MODIFYCHANNEL', `${LINUX}, vmbus_channel_modifychannel`, 16, {
  relid,
  targetVp: u32(12, 'VP that shall receive the channel’s event flag from now on'),
});
