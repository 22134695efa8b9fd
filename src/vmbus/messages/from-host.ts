/** Layouts of the messages that the host sends. Where no other source is named: Linux 6.1 include/linux/hyperv.h. */
import { bytes, guid, u16, u32, u8 } from '../../hyperv/index.ts';
import { MessageLayout } from './message-layout.ts';

const LINUX = 'Linux 6.1 include/linux/hyperv.h';
const OPENVMM = 'OpenVMM vmbus_core/src/protocol.rs';

const relid = u32(8, 'relid of the channel');

export const OFFERCHANNEL = new MessageLayout('OFFERCHANNEL', `${LINUX}, vmbus_channel_offer_channel`, 196, {
  interfaceId: guid(8, 'what the channel speaks'),
  instanceId: guid(24, 'which device it is; unique among live offers'),
  channelFlags: u16(56, 'enumeration flags; 0 for a plain device'),
  mmioMegabytes: u16(58, 'address space a driver asks for; 0 here'),
  userData: bytes(60, 120, 'pipe mode and such; 0 here'),
  subChannelIndex: u16(180, '0 = the primary channel'),
  relid: u32(184, 'relid: names the channel in messages, and its event flag'),
  monitorId: u8(188, 'monitor trigger; unused'),
  monitorAllocated: u8(189, 'bit 0: signal by monitor page instead of hypercall; 0, or nobody would notice'),
  dedicatedInterrupt: u16(190, 'bit 0: signals name this channel alone; 1'),
  signalConnectionId: u32(192, 'connection id for HvSignalEvent'),
});

export const RESCIND_CHANNELOFFER = new MessageLayout(
  'RESCIND_CHANNELOFFER',
  `${LINUX}, vmbus_channel_rescind_offer`,
  12,
  { relid },
);

export const ALLOFFERS_DELIVERED = new MessageLayout('ALLOFFERS_DELIVERED', LINUX, 8, {});

export const OPENCHANNEL_RESULT = new MessageLayout('OPENCHANNEL_RESULT', `${LINUX}, vmbus_channel_open_result`, 20, {
  relid,
  openId: u32(12, 'as in OPENCHANNEL'),
  status: u32(16, '0 = open; else an NTSTATUS'),
});

export const GPADL_CREATED = new MessageLayout('GPADL_CREATED', `${LINUX}, vmbus_channel_gpadl_created`, 20, {
  relid,
  gpadl: u32(12, 'handle'),
  status: u32(16, '0 = created; else an NTSTATUS'),
});

export const GPADL_TORNDOWN = new MessageLayout('GPADL_TORNDOWN', `${LINUX}, vmbus_channel_gpadl_torndown`, 12, {
  gpadl: u32(8, 'handle'),
});

export const VERSION_RESPONSE = new MessageLayout('VERSION_RESPONSE', `${LINUX}, vmbus_channel_version_response`, 16, {
  supported: u8(8, '1 = connected with the version asked for'),
  connectionState: u8(9, '0 = successful, 1 = low resources, 2 = unknown failure (OpenVMM)'),
  versionOrConnectionId: u32(12, 'from 5.0 on: connection id for all further posts; before: the version'),
});

/** Protocol 6.0. */
export const VERSION_RESPONSE_WITH_FEATURES = new MessageLayout(
  'VERSION_RESPONSE',
  `${OPENVMM}, VersionResponse2`,
  20,
  {
    ...VERSION_RESPONSE.fields,
    featureFlags: u32(16, 'features in force'),
  },
);

export const UNLOAD_RESPONSE = new MessageLayout('UNLOAD_RESPONSE', LINUX, 8, {});

export const CLOSE_RESERVED_RESPONSE = new MessageLayout(
  'CLOSE_RESERVED_RESPONSE',
  `${OPENVMM}, CloseReservedChannelResponse`,
  12,
  { relid },
);

export const TL_CONNECT_RESULT = new MessageLayout('TL_CONNECT_RESULT', `${OPENVMM}, TlConnectResult`, 44, {
  endpointId: guid(8, 'as in the request'),
  serviceId: guid(24, 'as in the request'),
  status: u32(40, '0 = connected; else an NTSTATUS'),
});

export const MODIFYCHANNEL_RESPONSE = new MessageLayout(
  'MODIFYCHANNEL_RESPONSE',
  `${LINUX}, vmbus_channel_modifychannel_response`,
  16,
  {
    relid,
    status: u32(12, '0 = moved; else an NTSTATUS'),
  },
);
