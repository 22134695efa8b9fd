-- Wireshark and tshark: reads what `dda trace --pcapng` writes. Lua 5.2.
-- Written by `node scripts/wireshark-dissector.ts` from the tables that dda itself reads by; don't edit.
local VERSION = 1
local VMBUS_MESSAGE_TYPE = 1
local COMPLETION = 11
local VPCI = 1
local STATUS = 68
local VALUES = {
  ["dda.kind"] = { [1] = "hypercall", [2] = "message", [3] = "packet", [4] = "channel", [5] = "signal" },
  ["dda.direction"] = { [0] = "none", [1] = "guest-to-host", [2] = "host-to-guest" },
  ["dda.protocol"] = { [0] = "unknown", [1] = "vpci" },
  ["dda.hypercall.status"] = {
    [0] = "SUCCESS",
    [2] = "INVALID_HYPERCALL_CODE",
    [3] = "INVALID_HYPERCALL_INPUT",
    [4] = "INVALID_ALIGNMENT",
    [5] = "INVALID_PARAMETER",
    [6] = "ACCESS_DENIED",
    [8] = "OPERATION_DENIED",
    [11] = "INSUFFICIENT_MEMORY",
    [13] = "INVALID_PARTITION_ID",
    [14] = "INVALID_VP_INDEX",
    [17] = "INVALID_PORT_ID",
    [18] = "INVALID_CONNECTION_ID",
    [19] = "INSUFFICIENT_BUFFERS",
  },
  ["dda.packet.packetType"] = { [6] = "in-band", [11] = "completion" },
  ["dda.channel.state"] = { [0] = "queued", [1] = "unannounced", [2] = "offered", [3] = "open", [4] = "faulted", [5] = "let-go", [6] = "rescinded", [7] = "released" },
}
local SHAPES = {
  {
    prefix = "dda",
    size = 32,
    fields = {
      { name = "version", offset = 0, size = 1, kind = "u8", base = "hex", meaning = "version of this header: 1" },
      { name = "kind", offset = 1, size = 1, kind = "u8", base = "dec", meaning = "1 hypercall, 2 message, 3 packet, 4 channel, 5 event flag" },
      { name = "direction", offset = 2, size = 1, kind = "u8", base = "dec", meaning = "1 guest to host, 2 host to guest, 0 neither" },
      { name = "protocol", offset = 3, size = 1, kind = "u8", base = "dec", meaning = "what the packets of the channel mean: 1 vPCI, 0 not known" },
      { name = "vp", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "VP that it is of; 0xffffffff: it is of none" },
      { name = "sequence", offset = 8, size = 8, kind = "u64", base = "hex", meaning = "number of the record since recording began, from 0 on" },
      { name = "timeNs", offset = 16, size = 8, kind = "u64", base = "hex", meaning = "nanoseconds since 1970" },
      {
        name = "payloadBytes",
        offset = 24,
        size = 4,
        kind = "u32",
        base = "dec",
        meaning = "length of the bytes behind the header, before anything was cut off",
      },
      { name = "relid", offset = 28, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel; 0: it is of none" },
    },
  },
  {
    prefix = "dda.hypercall",
    size = 56,
    fields = {
      { name = "callCode", offset = 32, size = 2, kind = "u16", base = "dec", meaning = "call code, the low 16 bits of the control word" },
      { name = "control", offset = 32, size = 8, kind = "u64", base = "hex", meaning = "control word (RCX)" },
      {
        name = "inputRegister",
        offset = 40,
        size = 8,
        kind = "u64",
        base = "hex",
        meaning = "RDX: where the input is, or the first half of a fast one",
      },
      { name = "status", offset = 48, size = 2, kind = "u16", base = "hex", meaning = "HV_STATUS that it returned; 0xffff: it has not" },
    },
  },
  {
    prefix = "dda.message",
    size = 40,
    fields = {
      {
        name = "connectionId",
        offset = 32,
        size = 4,
        kind = "u32",
        base = "dec",
        meaning = "connection that it was posted to; 0: it is for the guest",
      },
      { name = "messageType", offset = 36, size = 4, kind = "u32", base = "dec", meaning = "SynIC message type; 1 = VMBus" },
    },
  },
  {
    prefix = "dda.packet",
    size = 88,
    fields = {
      { name = "instanceId", offset = 32, size = 16, kind = "guid", base = "dec", meaning = "instance of the channel" },
      { name = "name", offset = 48, size = 24, kind = "text", base = "dec", meaning = "what the device behind the channel is called, UTF-8" },
      { name = "transactionId", offset = 72, size = 8, kind = "u64", base = "hex", meaning = "transaction id" },
      { name = "packetType", offset = 80, size = 2, kind = "u16", base = "dec", meaning = "6 in-band, 11 completion" },
      { name = "packetFlags", offset = 82, size = 2, kind = "u16", base = "dec", meaning = "bit 0: a completion is asked for" },
      {
        name = "requestType",
        offset = 84,
        size = 4,
        kind = "u32",
        base = "dec",
        meaning = "first four bytes of the packet that this one completes; 0: not known",
      },
    },
  },
  {
    prefix = "dda.channel",
    size = 96,
    fields = {
      { name = "instanceId", offset = 32, size = 16, kind = "guid", base = "dec", meaning = "instance of the channel" },
      { name = "name", offset = 48, size = 24, kind = "text", base = "dec", meaning = "what the device behind the channel is called, UTF-8" },
      { name = "interfaceId", offset = 72, size = 16, kind = "guid", base = "dec", meaning = "interface of the channel" },
      {
        name = "state",
        offset = 88,
        size = 1,
        kind = "u8",
        base = "dec",
        meaning = "state that the offer is in from now on, by its place in the table of states",
      },
    },
  },
  { prefix = "dda.signal", size = 32, fields = {} },
  {
    prefix = "dda.hypercall.HvCallPostMessage",
    size = 256,
    fields = {
      { name = "connectionId", offset = 0, size = 4, kind = "u32", base = "dec", meaning = "connection that it is posted to" },
      { name = "messageType", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "SynIC message type; neither 0 nor the hypervisor’s own" },
      { name = "payloadSize", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "bytes of the payload that count" },
      { name = "payload", offset = 16, size = 240, kind = "bytes", base = "dec", meaning = "the message" },
    },
  },
  {
    prefix = "dda.hypercall.HvCallSignalEvent",
    size = 8,
    fields = {
      { name = "connectionId", offset = 0, size = 4, kind = "u32", base = "dec", meaning = "connection that it is signalled to" },
      { name = "flag", offset = 4, size = 2, kind = "u16", base = "dec", meaning = "event flag" },
    },
  },
  {
    prefix = "dda.hypercall.HvCallRetargetDeviceInterrupt",
    size = 64,
    fields = {
      { name = "partitionId", offset = 0, size = 8, kind = "u64", base = "hex", meaning = "all ones: the caller’s own" },
      {
        name = "deviceId",
        offset = 8,
        size = 8,
        kind = "u64",
        base = "hex",
        meaning = "from the instance GUID of the vPCI channel and the function number",
      },
      { name = "source", offset = 16, size = 4, kind = "u32", base = "dec", meaning = "1 = MSI" },
      { name = "addressLow", offset = 24, size = 4, kind = "u32", base = "hex", meaning = "low half of the address of the interrupt’s message" },
      { name = "data", offset = 28, size = 4, kind = "u32", base = "hex", meaning = "data of the interrupt’s message" },
      { name = "vector", offset = 40, size = 4, kind = "u32", base = "hex", meaning = "vector that it shall have from now on" },
      {
        name = "flags",
        offset = 44,
        size = 4,
        kind = "u32",
        base = "dec",
        meaning = "bit 0: to all of the VPs named; bit 1: a processor set follows",
      },
      {
        name = "vpMask",
        offset = 48,
        size = 8,
        kind = "u64",
        base = "hex",
        meaning = "VPs 0 to 63; with a processor set its format: 0 = sparse, 1 = all",
      },
      { name = "validBankMask", offset = 56, size = 8, kind = "u64", base = "hex", meaning = "which banks follow" },
    },
  },
  {
    prefix = "dda.hypercall.HvCallRetargetDeviceInterrupt",
    size = 56,
    fields = {
      { name = "partitionId", offset = 0, size = 8, kind = "u64", base = "hex", meaning = "all ones: the caller’s own" },
      {
        name = "deviceId",
        offset = 8,
        size = 8,
        kind = "u64",
        base = "hex",
        meaning = "from the instance GUID of the vPCI channel and the function number",
      },
      { name = "source", offset = 16, size = 4, kind = "u32", base = "dec", meaning = "1 = MSI" },
      { name = "addressLow", offset = 24, size = 4, kind = "u32", base = "hex", meaning = "low half of the address of the interrupt’s message" },
      { name = "data", offset = 28, size = 4, kind = "u32", base = "hex", meaning = "data of the interrupt’s message" },
      { name = "vector", offset = 40, size = 4, kind = "u32", base = "hex", meaning = "vector that it shall have from now on" },
      {
        name = "flags",
        offset = 44,
        size = 4,
        kind = "u32",
        base = "dec",
        meaning = "bit 0: to all of the VPs named; bit 1: a processor set follows",
      },
      {
        name = "vpMask",
        offset = 48,
        size = 8,
        kind = "u64",
        base = "hex",
        meaning = "VPs 0 to 63; with a processor set its format: 0 = sparse, 1 = all",
      },
    },
  },
  {
    prefix = "dda.vmbus.CLOSECHANNEL",
    size = 12,
    fields = { { name = "relid", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel" } },
  },
  {
    prefix = "dda.vmbus.CLOSE_RESERVED_CHANNEL",
    size = 20,
    fields = {
      { name = "relid", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel" },
      { name = "targetVp", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "VP that shall receive the response" },
      { name = "targetSint", offset = 16, size = 4, kind = "u32", base = "dec", meaning = "SINT that shall receive it" },
    },
  },
  {
    prefix = "dda.vmbus.GPADL_BODY",
    size = 16,
    fields = {
      { name = "messageNumber", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "position among the bodies; the order of arrival counts" },
      { name = "gpadl", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "handle" },
    },
  },
  {
    prefix = "dda.vmbus.GPADL_HEADER",
    size = 20,
    fields = {
      { name = "relid", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel" },
      { name = "gpadl", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "handle, the guest’s choice" },
      { name = "rangeBufferBytes", offset = 16, size = 2, kind = "u16", base = "dec", meaning = "length of the whole range buffer" },
      { name = "rangeCount", offset = 18, size = 2, kind = "u16", base = "dec", meaning = "ranges in it" },
    },
  },
  {
    prefix = "dda.vmbus.GPADL_TEARDOWN",
    size = 16,
    fields = {
      { name = "relid", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel" },
      { name = "gpadl", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "handle" },
    },
  },
  {
    prefix = "dda.vmbus.INITIATE_CONTACT",
    size = 56,
    fields = {
      { name = "version", offset = 8, size = 4, kind = "u32", base = "hex", meaning = "protocol version, major << 16 | minor" },
      { name = "targetVp", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "VP that shall receive channel messages" },
      { name = "sint", offset = 16, size = 1, kind = "u8", base = "dec", meaning = "SINT that shall receive them" },
      { name = "vtl", offset = 17, size = 1, kind = "u8", base = "dec", meaning = "virtual trust level of the SINT" },
      { name = "featureFlags", offset = 20, size = 4, kind = "u32", base = "dec", meaning = "features the guest asks for (6.0)" },
      { name = "parentToChildMonitorGpa", offset = 24, size = 8, kind = "u64", base = "hex", meaning = "monitor page 1; unused" },
      { name = "childToParentMonitorGpa", offset = 32, size = 8, kind = "u64", base = "hex", meaning = "monitor page 2; unused" },
      { name = "clientId", offset = 40, size = 16, kind = "guid", base = "dec", meaning = "who connects" },
    },
  },
  {
    prefix = "dda.vmbus.INITIATE_CONTACT",
    size = 40,
    fields = {
      { name = "version", offset = 8, size = 4, kind = "u32", base = "hex", meaning = "protocol version, major << 16 | minor" },
      { name = "targetVp", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "VP that shall receive channel messages (from 3.0 on)" },
      { name = "interruptPageGpa", offset = 16, size = 8, kind = "u64", base = "hex", meaning = "interrupt page of shared connections; unused" },
      { name = "parentToChildMonitorGpa", offset = 24, size = 8, kind = "u64", base = "hex", meaning = "monitor page 1; unused" },
      { name = "childToParentMonitorGpa", offset = 32, size = 8, kind = "u64", base = "hex", meaning = "monitor page 2; unused" },
    },
  },
  {
    prefix = "dda.vmbus.INITIATE_CONTACT",
    size = 40,
    fields = {
      { name = "version", offset = 8, size = 4, kind = "u32", base = "hex", meaning = "protocol version, major << 16 | minor" },
      { name = "targetVp", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "VP that shall receive channel messages" },
      { name = "sint", offset = 16, size = 1, kind = "u8", base = "dec", meaning = "SINT that shall receive them" },
      { name = "vtl", offset = 17, size = 1, kind = "u8", base = "dec", meaning = "virtual trust level of the SINT" },
      { name = "featureFlags", offset = 20, size = 4, kind = "u32", base = "dec", meaning = "features the guest asks for (6.0)" },
      { name = "parentToChildMonitorGpa", offset = 24, size = 8, kind = "u64", base = "hex", meaning = "monitor page 1; unused" },
      { name = "childToParentMonitorGpa", offset = 32, size = 8, kind = "u64", base = "hex", meaning = "monitor page 2; unused" },
    },
  },
  {
    prefix = "dda.vmbus.MODIFYCHANNEL",
    size = 16,
    fields = {
      { name = "relid", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel" },
      { name = "targetVp", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "VP that shall receive the channel’s event flag from now on" },
    },
  },
  {
    prefix = "dda.vmbus.OPENCHANNEL",
    size = 148,
    fields = {
      { name = "relid", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel" },
      { name = "openId", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "echoed in the result; Linux uses the relid" },
      { name = "ringGpadl", offset = 16, size = 4, kind = "u32", base = "dec", meaning = "GPADL of both rings" },
      { name = "targetVp", offset = 20, size = 4, kind = "u32", base = "dec", meaning = "VP that shall receive the channel’s event flag" },
      {
        name = "downstreamPageOffset",
        offset = 24,
        size = 4,
        kind = "u32",
        base = "dec",
        meaning = "first page of the host → guest ring within the GPADL",
      },
      { name = "userData", offset = 28, size = 120, kind = "bytes", base = "dec", meaning = "for the provider" },
    },
  },
  {
    prefix = "dda.vmbus.OPEN_RESERVED_CHANNEL",
    size = 28,
    fields = {
      { name = "relid", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel" },
      { name = "targetVp", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "VP that shall receive the result" },
      { name = "targetSint", offset = 16, size = 4, kind = "u32", base = "dec", meaning = "SINT that shall receive it" },
      { name = "ringGpadl", offset = 20, size = 4, kind = "u32", base = "dec", meaning = "GPADL of both rings" },
      { name = "downstreamPageOffset", offset = 24, size = 4, kind = "u32", base = "dec", meaning = "first page of the host → guest ring" },
    },
  },
  {
    prefix = "dda.vmbus.RELID_RELEASED",
    size = 12,
    fields = { { name = "relid", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel" } },
  },
  { prefix = "dda.vmbus.REQUESTOFFERS", size = 8, fields = {} },
  {
    prefix = "dda.vmbus.TL_CONNECT_REQUEST",
    size = 40,
    fields = {
      { name = "endpointId", offset = 8, size = 16, kind = "guid", base = "dec", meaning = "endpoint that the guest listens on or connects from" },
      { name = "serviceId", offset = 24, size = 16, kind = "guid", base = "dec", meaning = "service on the host" },
    },
  },
  { prefix = "dda.vmbus.UNLOAD", size = 8, fields = {} },
  { prefix = "dda.vmbus.ALLOFFERS_DELIVERED", size = 8, fields = {} },
  {
    prefix = "dda.vmbus.CLOSE_RESERVED_RESPONSE",
    size = 12,
    fields = { { name = "relid", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel" } },
  },
  {
    prefix = "dda.vmbus.GPADL_CREATED",
    size = 20,
    fields = {
      { name = "relid", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel" },
      { name = "gpadl", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "handle" },
      { name = "status", offset = 16, size = 4, kind = "u32", base = "hex", meaning = "0 = created; else an NTSTATUS" },
    },
  },
  {
    prefix = "dda.vmbus.GPADL_TORNDOWN",
    size = 12,
    fields = { { name = "gpadl", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "handle" } },
  },
  {
    prefix = "dda.vmbus.MODIFYCHANNEL_RESPONSE",
    size = 16,
    fields = {
      { name = "relid", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel" },
      { name = "status", offset = 12, size = 4, kind = "u32", base = "hex", meaning = "0 = moved; else an NTSTATUS" },
    },
  },
  {
    prefix = "dda.vmbus.OFFERCHANNEL",
    size = 196,
    fields = {
      { name = "interfaceId", offset = 8, size = 16, kind = "guid", base = "dec", meaning = "what the channel speaks" },
      { name = "instanceId", offset = 24, size = 16, kind = "guid", base = "dec", meaning = "which device it is; unique among live offers" },
      { name = "channelFlags", offset = 56, size = 2, kind = "u16", base = "dec", meaning = "enumeration flags; 0 for a plain device" },
      { name = "mmioMegabytes", offset = 58, size = 2, kind = "u16", base = "dec", meaning = "address space a driver asks for; 0 here" },
      { name = "userData", offset = 60, size = 120, kind = "bytes", base = "dec", meaning = "pipe mode and such; 0 here" },
      { name = "subChannelIndex", offset = 180, size = 2, kind = "u16", base = "dec", meaning = "0 = the primary channel" },
      { name = "relid", offset = 184, size = 4, kind = "u32", base = "dec", meaning = "relid: names the channel in messages, and its event flag" },
      { name = "monitorId", offset = 188, size = 1, kind = "u8", base = "dec", meaning = "monitor trigger; unused" },
      {
        name = "monitorAllocated",
        offset = 189,
        size = 1,
        kind = "u8",
        base = "dec",
        meaning = "bit 0: signal by monitor page instead of hypercall; 0, or nobody would notice",
      },
      { name = "dedicatedInterrupt", offset = 190, size = 2, kind = "u16", base = "dec", meaning = "bit 0: signals name this channel alone; 1" },
      { name = "signalConnectionId", offset = 192, size = 4, kind = "u32", base = "dec", meaning = "connection id for HvSignalEvent" },
    },
  },
  {
    prefix = "dda.vmbus.OPENCHANNEL_RESULT",
    size = 20,
    fields = {
      { name = "relid", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel" },
      { name = "openId", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "as in OPENCHANNEL" },
      { name = "status", offset = 16, size = 4, kind = "u32", base = "hex", meaning = "0 = open; else an NTSTATUS" },
    },
  },
  {
    prefix = "dda.vmbus.RESCIND_CHANNELOFFER",
    size = 12,
    fields = { { name = "relid", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "relid of the channel" } },
  },
  {
    prefix = "dda.vmbus.TL_CONNECT_RESULT",
    size = 44,
    fields = {
      { name = "endpointId", offset = 8, size = 16, kind = "guid", base = "dec", meaning = "as in the request" },
      { name = "serviceId", offset = 24, size = 16, kind = "guid", base = "dec", meaning = "as in the request" },
      { name = "status", offset = 40, size = 4, kind = "u32", base = "hex", meaning = "0 = connected; else an NTSTATUS" },
    },
  },
  { prefix = "dda.vmbus.UNLOAD_RESPONSE", size = 8, fields = {} },
  {
    prefix = "dda.vmbus.VERSION_RESPONSE",
    size = 20,
    fields = {
      { name = "supported", offset = 8, size = 1, kind = "u8", base = "dec", meaning = "1 = connected with the version asked for" },
      {
        name = "connectionState",
        offset = 9,
        size = 1,
        kind = "u8",
        base = "dec",
        meaning = "0 = successful, 1 = low resources, 2 = unknown failure (OpenVMM)",
      },
      {
        name = "versionOrConnectionId",
        offset = 12,
        size = 4,
        kind = "u32",
        base = "dec",
        meaning = "from 5.0 on: connection id for all further posts; before: the version",
      },
      { name = "featureFlags", offset = 16, size = 4, kind = "u32", base = "dec", meaning = "features in force" },
    },
  },
  {
    prefix = "dda.vmbus.VERSION_RESPONSE",
    size = 16,
    fields = {
      { name = "supported", offset = 8, size = 1, kind = "u8", base = "dec", meaning = "1 = connected with the version asked for" },
      {
        name = "connectionState",
        offset = 9,
        size = 1,
        kind = "u8",
        base = "dec",
        meaning = "0 = successful, 1 = low resources, 2 = unknown failure (OpenVMM)",
      },
      {
        name = "versionOrConnectionId",
        offset = 12,
        size = 4,
        kind = "u32",
        base = "dec",
        meaning = "from 5.0 on: connection id for all further posts; before: the version",
      },
    },
  },
  {
    prefix = "dda.vpci.QUERY_PROTOCOL_VERSION",
    size = 8,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "version", offset = 4, size = 4, kind = "u32", base = "hex", meaning = "version asked for" },
    },
  },
  {
    prefix = "dda.vpci.QUERY_BUS_RELATIONS",
    size = 4,
    fields = { { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" } },
  },
  {
    prefix = "dda.vpci.POWER_STATE_CHANGE",
    size = 12,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      { name = "state", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "1 D0, 4 D3" },
    },
  },
  {
    prefix = "dda.vpci.QUERY_RESOURCE_REQUIREMENTS",
    size = 8,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
    },
  },
  {
    prefix = "dda.vpci.QUERY_RESOURCE_RESOURCES",
    size = 8,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
    },
  },
  {
    prefix = "dda.vpci.BUS_D0ENTRY",
    size = 16,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "windowGpa", offset = 8, size = 8, kind = "u64", base = "hex", meaning = "guest-physical address of the config window" },
    },
  },
  {
    prefix = "dda.vpci.BUS_D0EXIT",
    size = 4,
    fields = { { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" } },
  },
  {
    prefix = "dda.vpci.READ_BLOCK",
    size = 16,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "blockId", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "block" },
      { name = "slot", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      { name = "bytesWanted", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "at most 128" },
    },
  },
  {
    prefix = "dda.vpci.WRITE_BLOCK",
    size = 16,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "blockId", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "block" },
      { name = "slot", offset = 8, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      { name = "byteCount", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "bytes that follow, at most 128" },
    },
  },
  {
    prefix = "dda.vpci.QUERY_STOP",
    size = 8,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
    },
  },
  {
    prefix = "dda.vpci.QUERY_STOP_FAILED",
    size = 8,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
    },
  },
  {
    prefix = "dda.vpci.EJECTION_COMPLETE",
    size = 8,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
    },
  },
  {
    prefix = "dda.vpci.RESOURCES_ASSIGNED",
    size = 136,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      {
        name = "resources",
        offset = 8,
        size = 120,
        kind = "bytes",
        base = "dec",
        meaning = "six BAR resources, in the order of the BAR registers; Linux: zeros",
        part = {
          cell = 20,
          fields = {
            { name = "kind", offset = 0, size = 1, kind = "u8", base = "dec", meaning = "0 none, 3 memory, 7 large memory" },
            { name = "share", offset = 1, size = 1, kind = "u8", base = "dec", meaning = "share disposition, 0" },
            {
              name = "flags",
              offset = 2,
              size = 2,
              kind = "u16",
              base = "dec",
              meaning = "large memory: the length is shifted left by 8 (bit 9), 16 (bit 10) or 32 (bit 11)",
            },
            { name = "address", offset = 4, size = 8, kind = "u64", base = "hex", meaning = "guest-physical address" },
            { name = "lengthBytes", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "length, before the shift" },
          },
        },
      },
      { name = "descriptorCount", offset = 128, size = 4, kind = "u32", base = "dec", meaning = "number of MSI descriptors that follow; Linux: 0" },
    },
    tail = {
      name = "descriptors",
      count = "descriptorCount",
      most = 494,
      cell = 16,
      fields = {
        { name = "vector", offset = 0, size = 1, kind = "u8", base = "hex", meaning = "IDT vector" },
        { name = "deliveryMode", offset = 1, size = 1, kind = "u8", base = "dec", meaning = "0 fixed, 1 lowest priority" },
        { name = "vectorCount", offset = 2, size = 2, kind = "u16", base = "dec", meaning = "number of vectors" },
        { name = "vpMask", offset = 8, size = 8, kind = "u64", base = "hex", meaning = "VPs 0…63 that may take it; Linux: all ones" },
      },
    },
  },
  {
    prefix = "dda.vpci.RESOURCES_RELEASED",
    size = 8,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
    },
  },
  {
    prefix = "dda.vpci.CREATE_INTERRUPT",
    size = 24,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      {
        name = "interrupt",
        offset = 8,
        size = 16,
        kind = "bytes",
        base = "dec",
        meaning = "MSI descriptor",
        part = {
          cell = 16,
          fields = {
            { name = "vector", offset = 0, size = 1, kind = "u8", base = "hex", meaning = "IDT vector" },
            { name = "deliveryMode", offset = 1, size = 1, kind = "u8", base = "dec", meaning = "0 fixed, 1 lowest priority" },
            { name = "vectorCount", offset = 2, size = 2, kind = "u16", base = "dec", meaning = "number of vectors" },
            { name = "vpMask", offset = 8, size = 8, kind = "u64", base = "hex", meaning = "VPs 0…63 that may take it; Linux: all ones" },
          },
        },
      },
    },
  },
  {
    prefix = "dda.vpci.DELETE_INTERRUPT",
    size = 24,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      {
        name = "interrupt",
        offset = 8,
        size = 16,
        kind = "bytes",
        base = "dec",
        meaning = "MSI token",
        part = {
          cell = 16,
          fields = {
            {
              name = "vectorCount",
              offset = 2,
              size = 2,
              kind = "u16",
              base = "dec",
              meaning = "number of vectors; 0 would make Linux forget to delete it",
            },
            { name = "data", offset = 4, size = 4, kind = "u32", base = "hex", meaning = "data of the first" },
            { name = "address", offset = 8, size = 8, kind = "u64", base = "hex", meaning = "address of all" },
          },
        },
      },
    },
  },
  {
    prefix = "dda.vpci.RESOURCES_ASSIGNED2",
    size = 136,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      {
        name = "resources",
        offset = 8,
        size = 120,
        kind = "bytes",
        base = "dec",
        meaning = "six BAR resources, in the order of the BAR registers; Linux: zeros",
        part = {
          cell = 20,
          fields = {
            { name = "kind", offset = 0, size = 1, kind = "u8", base = "dec", meaning = "0 none, 3 memory, 7 large memory" },
            { name = "share", offset = 1, size = 1, kind = "u8", base = "dec", meaning = "share disposition, 0" },
            {
              name = "flags",
              offset = 2,
              size = 2,
              kind = "u16",
              base = "dec",
              meaning = "large memory: the length is shifted left by 8 (bit 9), 16 (bit 10) or 32 (bit 11)",
            },
            { name = "address", offset = 4, size = 8, kind = "u64", base = "hex", meaning = "guest-physical address" },
            { name = "lengthBytes", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "length, before the shift" },
          },
        },
      },
      { name = "descriptorCount", offset = 128, size = 4, kind = "u32", base = "dec", meaning = "number of MSI descriptors that follow; Linux: 0" },
    },
    tail = {
      name = "descriptors",
      count = "descriptorCount",
      most = 494,
      cell = 72,
      fields = {
        { name = "vector", offset = 0, size = 1, kind = "u8", base = "hex", meaning = "IDT vector" },
        { name = "deliveryMode", offset = 1, size = 1, kind = "u8", base = "dec", meaning = "0 fixed, 1 lowest priority" },
        { name = "vectorCount", offset = 2, size = 2, kind = "u16", base = "dec", meaning = "number of vectors" },
        { name = "vpCount", offset = 4, size = 2, kind = "u16", base = "dec", meaning = "number of VPs listed, at most 32" },
        {
          name = "vps",
          offset = 6,
          size = 64,
          kind = "bytes",
          base = "dec",
          meaning = "VP indexes",
          part = { cell = 2, fields = { { name = "vp", offset = 0, size = 2, kind = "u16", base = "dec", meaning = "VP index" } } },
        },
      },
    },
  },
  {
    prefix = "dda.vpci.CREATE_INTERRUPT2",
    size = 78,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      {
        name = "interrupt",
        offset = 8,
        size = 70,
        kind = "bytes",
        base = "dec",
        meaning = "MSI descriptor 2",
        part = {
          cell = 70,
          fields = {
            { name = "vector", offset = 0, size = 1, kind = "u8", base = "hex", meaning = "IDT vector" },
            { name = "deliveryMode", offset = 1, size = 1, kind = "u8", base = "dec", meaning = "0 fixed, 1 lowest priority" },
            { name = "vectorCount", offset = 2, size = 2, kind = "u16", base = "dec", meaning = "number of vectors" },
            { name = "vpCount", offset = 4, size = 2, kind = "u16", base = "dec", meaning = "number of VPs listed, at most 32" },
            {
              name = "vps",
              offset = 6,
              size = 64,
              kind = "bytes",
              base = "dec",
              meaning = "VP indexes",
              part = { cell = 2, fields = { { name = "vp", offset = 0, size = 2, kind = "u16", base = "dec", meaning = "VP index" } } },
            },
          },
        },
      },
    },
  },
  {
    prefix = "dda.vpci.DELETE_INTERRUPT2",
    size = 24,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      {
        name = "interrupt",
        offset = 8,
        size = 16,
        kind = "bytes",
        base = "dec",
        meaning = "MSI token",
        part = {
          cell = 16,
          fields = {
            {
              name = "vectorCount",
              offset = 2,
              size = 2,
              kind = "u16",
              base = "dec",
              meaning = "number of vectors; 0 would make Linux forget to delete it",
            },
            { name = "data", offset = 4, size = 4, kind = "u32", base = "hex", meaning = "data of the first" },
            { name = "address", offset = 8, size = 8, kind = "u64", base = "hex", meaning = "address of all" },
          },
        },
      },
    },
  },
  {
    prefix = "dda.vpci.RESOURCES_ASSIGNED3",
    size = 136,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      {
        name = "resources",
        offset = 8,
        size = 120,
        kind = "bytes",
        base = "dec",
        meaning = "six BAR resources, in the order of the BAR registers; Linux: zeros",
        part = {
          cell = 20,
          fields = {
            { name = "kind", offset = 0, size = 1, kind = "u8", base = "dec", meaning = "0 none, 3 memory, 7 large memory" },
            { name = "share", offset = 1, size = 1, kind = "u8", base = "dec", meaning = "share disposition, 0" },
            {
              name = "flags",
              offset = 2,
              size = 2,
              kind = "u16",
              base = "dec",
              meaning = "large memory: the length is shifted left by 8 (bit 9), 16 (bit 10) or 32 (bit 11)",
            },
            { name = "address", offset = 4, size = 8, kind = "u64", base = "hex", meaning = "guest-physical address" },
            { name = "lengthBytes", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "length, before the shift" },
          },
        },
      },
      { name = "descriptorCount", offset = 128, size = 4, kind = "u32", base = "dec", meaning = "number of MSI descriptors that follow; Linux: 0" },
    },
    tail = {
      name = "descriptors",
      count = "descriptorCount",
      most = 494,
      cell = 80,
      fields = {
        { name = "vector", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "IDT vector" },
        { name = "deliveryMode", offset = 4, size = 1, kind = "u8", base = "dec", meaning = "0 fixed, 1 lowest priority" },
        { name = "vectorCount", offset = 6, size = 2, kind = "u16", base = "dec", meaning = "number of vectors" },
        { name = "vpCount", offset = 8, size = 2, kind = "u16", base = "dec", meaning = "number of VPs listed, at most 32" },
        {
          name = "vps",
          offset = 10,
          size = 64,
          kind = "bytes",
          base = "dec",
          meaning = "VP indexes",
          part = { cell = 2, fields = { { name = "vp", offset = 0, size = 2, kind = "u16", base = "dec", meaning = "VP index" } } },
        },
      },
    },
  },
  {
    prefix = "dda.vpci.CREATE_INTERRUPT3",
    size = 82,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      {
        name = "interrupt",
        offset = 8,
        size = 74,
        kind = "bytes",
        base = "dec",
        meaning = "MSI descriptor 3",
        part = {
          cell = 74,
          fields = {
            { name = "vector", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "IDT vector" },
            { name = "deliveryMode", offset = 4, size = 1, kind = "u8", base = "dec", meaning = "0 fixed, 1 lowest priority" },
            { name = "vectorCount", offset = 6, size = 2, kind = "u16", base = "dec", meaning = "number of vectors" },
            { name = "vpCount", offset = 8, size = 2, kind = "u16", base = "dec", meaning = "number of VPs listed, at most 32" },
            {
              name = "vps",
              offset = 10,
              size = 64,
              kind = "bytes",
              base = "dec",
              meaning = "VP indexes",
              part = { cell = 2, fields = { { name = "vp", offset = 0, size = 2, kind = "u16", base = "dec", meaning = "VP index" } } },
            },
          },
        },
      },
    },
  },
  {
    prefix = "dda.vpci.RESET_DEVICE",
    size = 8,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
    },
  },
  {
    prefix = "dda.vpci.TDISP_COMMAND",
    size = 16,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      { name = "dataBytes", offset = 8, size = 8, kind = "u64", base = "hex", meaning = "bytes that follow" },
    },
  },
  {
    prefix = "dda.vpci.BUS_RELATIONS",
    size = 8,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "functionCount", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "number of function descriptions that follow" },
    },
    tail = {
      name = "functions",
      count = "functionCount",
      most = 256,
      cell = 20,
      fields = {
        { name = "vendorId", offset = 0, size = 2, kind = "u16", base = "hex", meaning = "vendor id" },
        { name = "deviceId", offset = 2, size = 2, kind = "u16", base = "hex", meaning = "device id" },
        { name = "revisionId", offset = 4, size = 1, kind = "u8", base = "dec", meaning = "revision" },
        { name = "programmingInterface", offset = 5, size = 1, kind = "u8", base = "dec", meaning = "programming interface" },
        { name = "subClass", offset = 6, size = 1, kind = "u8", base = "hex", meaning = "sub-class" },
        { name = "baseClass", offset = 7, size = 1, kind = "u8", base = "hex", meaning = "base class" },
        { name = "subsystemVendorId", offset = 8, size = 2, kind = "u16", base = "hex", meaning = "subsystem vendor id" },
        { name = "subsystemId", offset = 10, size = 2, kind = "u16", base = "hex", meaning = "subsystem id" },
        { name = "slot", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "slot: device in bits 4:0, function in bits 7:5" },
        { name = "serial", offset = 16, size = 4, kind = "u32", base = "dec", meaning = "serial number: names the slot in the guest" },
      },
    },
  },
  {
    prefix = "dda.vpci.INVALIDATE_DEVICE",
    size = 8,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
    },
  },
  {
    prefix = "dda.vpci.INVALIDATE_BUS",
    size = 4,
    fields = { { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" } },
  },
  {
    prefix = "dda.vpci.EJECT",
    size = 8,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
    },
  },
  {
    prefix = "dda.vpci.INVALIDATE_BLOCK",
    size = 16,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      { name = "blockMask", offset = 8, size = 8, kind = "u64", base = "hex", meaning = "blocks that changed" },
    },
  },
  {
    prefix = "dda.vpci.BUS_RELATIONS2",
    size = 8,
    fields = {
      { name = "type", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "message type" },
      { name = "functionCount", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "number of function descriptions that follow" },
    },
    tail = {
      name = "functions",
      count = "functionCount",
      most = 256,
      cell = 28,
      fields = {
        { name = "vendorId", offset = 0, size = 2, kind = "u16", base = "hex", meaning = "vendor id" },
        { name = "deviceId", offset = 2, size = 2, kind = "u16", base = "hex", meaning = "device id" },
        { name = "revisionId", offset = 4, size = 1, kind = "u8", base = "dec", meaning = "revision" },
        { name = "programmingInterface", offset = 5, size = 1, kind = "u8", base = "dec", meaning = "programming interface" },
        { name = "subClass", offset = 6, size = 1, kind = "u8", base = "hex", meaning = "sub-class" },
        { name = "baseClass", offset = 7, size = 1, kind = "u8", base = "hex", meaning = "base class" },
        { name = "subsystemVendorId", offset = 8, size = 2, kind = "u16", base = "hex", meaning = "subsystem vendor id" },
        { name = "subsystemId", offset = 10, size = 2, kind = "u16", base = "hex", meaning = "subsystem id" },
        { name = "slot", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "slot: device in bits 4:0, function in bits 7:5" },
        { name = "serial", offset = 16, size = 4, kind = "u32", base = "dec", meaning = "serial number: names the slot in the guest" },
        { name = "flags", offset = 20, size = 4, kind = "u32", base = "dec", meaning = "bit 0: the NUMA node is valid" },
        { name = "numaNode", offset = 24, size = 2, kind = "u16", base = "dec", meaning = "the guest's NUMA node" },
      },
    },
  },
  { prefix = "dda.vpci.completion.EMPTY", size = 0, fields = {} },
  {
    prefix = "dda.vpci.completion.STATUS",
    size = 4,
    fields = { { name = "status", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "NTSTATUS, negative = failure" } },
  },
  {
    prefix = "dda.vpci.completion.VERSION",
    size = 8,
    fields = {
      { name = "status", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "NTSTATUS, negative = failure" },
      { name = "version", offset = 4, size = 4, kind = "u32", base = "hex", meaning = "version the host speaks" },
    },
  },
  {
    prefix = "dda.vpci.completion.REQUIREMENTS",
    size = 28,
    fields = {
      { name = "status", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "NTSTATUS, negative = failure" },
      {
        name = "barMasks",
        offset = 4,
        size = 24,
        kind = "bytes",
        base = "dec",
        meaning = "six BAR masks",
        part = {
          cell = 4,
          fields = { { name = "mask", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "what the BAR register reads after all ones were written" } },
        },
      },
    },
  },
  {
    prefix = "dda.vpci.completion.CURRENT_RESOURCES",
    size = 128,
    fields = {
      { name = "listVersion", offset = 0, size = 2, kind = "u16", base = "dec", meaning = "1" },
      { name = "listRevision", offset = 2, size = 2, kind = "u16", base = "dec", meaning = "1" },
      { name = "resourceCount", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "6" },
      {
        name = "resources",
        offset = 8,
        size = 120,
        kind = "bytes",
        base = "dec",
        meaning = "six BAR resources",
        part = {
          cell = 20,
          fields = {
            { name = "kind", offset = 0, size = 1, kind = "u8", base = "dec", meaning = "0 none, 3 memory, 7 large memory" },
            { name = "share", offset = 1, size = 1, kind = "u8", base = "dec", meaning = "share disposition, 0" },
            {
              name = "flags",
              offset = 2,
              size = 2,
              kind = "u16",
              base = "dec",
              meaning = "large memory: the length is shifted left by 8 (bit 9), 16 (bit 10) or 32 (bit 11)",
            },
            { name = "address", offset = 4, size = 8, kind = "u64", base = "hex", meaning = "guest-physical address" },
            { name = "lengthBytes", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "length, before the shift" },
          },
        },
      },
    },
  },
  {
    prefix = "dda.vpci.completion.INTERRUPT",
    size = 24,
    fields = {
      { name = "status", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "NTSTATUS, negative = failure" },
      {
        name = "interrupt",
        offset = 8,
        size = 16,
        kind = "bytes",
        base = "dec",
        meaning = "MSI token",
        part = {
          cell = 16,
          fields = {
            {
              name = "vectorCount",
              offset = 2,
              size = 2,
              kind = "u16",
              base = "dec",
              meaning = "number of vectors; 0 would make Linux forget to delete it",
            },
            { name = "data", offset = 4, size = 4, kind = "u32", base = "hex", meaning = "data of the first" },
            { name = "address", offset = 8, size = 8, kind = "u64", base = "hex", meaning = "address of all" },
          },
        },
      },
    },
  },
  {
    prefix = "dda.vpci.completion.ASSIGNED",
    size = 136,
    fields = {
      { name = "status", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "NTSTATUS, negative = failure" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      {
        name = "resources",
        offset = 8,
        size = 120,
        kind = "bytes",
        base = "dec",
        meaning = "the six BAR resources as the host took them",
        part = {
          cell = 20,
          fields = {
            { name = "kind", offset = 0, size = 1, kind = "u8", base = "dec", meaning = "0 none, 3 memory, 7 large memory" },
            { name = "share", offset = 1, size = 1, kind = "u8", base = "dec", meaning = "share disposition, 0" },
            {
              name = "flags",
              offset = 2,
              size = 2,
              kind = "u16",
              base = "dec",
              meaning = "large memory: the length is shifted left by 8 (bit 9), 16 (bit 10) or 32 (bit 11)",
            },
            { name = "address", offset = 4, size = 8, kind = "u64", base = "hex", meaning = "guest-physical address" },
            { name = "lengthBytes", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "length, before the shift" },
          },
        },
      },
      { name = "tokenCount", offset = 128, size = 4, kind = "u32", base = "dec", meaning = "number of cells that follow" },
    },
    tail = {
      name = "tokens",
      count = "tokenCount",
      most = 494,
      cell = 16,
      fields = {
        {
          name = "vectorCount",
          offset = 2,
          size = 2,
          kind = "u16",
          base = "dec",
          meaning = "number of vectors; 0 would make Linux forget to delete it",
        },
        { name = "data", offset = 4, size = 4, kind = "u32", base = "hex", meaning = "data of the first" },
        { name = "address", offset = 8, size = 8, kind = "u64", base = "hex", meaning = "address of all" },
      },
    },
  },
  {
    prefix = "dda.vpci.completion.ASSIGNED2",
    size = 136,
    fields = {
      { name = "status", offset = 0, size = 4, kind = "u32", base = "hex", meaning = "NTSTATUS, negative = failure" },
      { name = "slot", offset = 4, size = 4, kind = "u32", base = "dec", meaning = "slot of the function" },
      {
        name = "resources",
        offset = 8,
        size = 120,
        kind = "bytes",
        base = "dec",
        meaning = "the six BAR resources as the host took them",
        part = {
          cell = 20,
          fields = {
            { name = "kind", offset = 0, size = 1, kind = "u8", base = "dec", meaning = "0 none, 3 memory, 7 large memory" },
            { name = "share", offset = 1, size = 1, kind = "u8", base = "dec", meaning = "share disposition, 0" },
            {
              name = "flags",
              offset = 2,
              size = 2,
              kind = "u16",
              base = "dec",
              meaning = "large memory: the length is shifted left by 8 (bit 9), 16 (bit 10) or 32 (bit 11)",
            },
            { name = "address", offset = 4, size = 8, kind = "u64", base = "hex", meaning = "guest-physical address" },
            { name = "lengthBytes", offset = 12, size = 4, kind = "u32", base = "dec", meaning = "length, before the shift" },
          },
        },
      },
      { name = "tokenCount", offset = 128, size = 4, kind = "u32", base = "dec", meaning = "number of cells that follow" },
    },
    tail = {
      name = "tokens",
      count = "tokenCount",
      most = 494,
      cell = 72,
      fields = {
        {
          name = "vectorCount",
          offset = 2,
          size = 2,
          kind = "u16",
          base = "dec",
          meaning = "number of vectors; 0 would make Linux forget to delete it",
        },
        { name = "data", offset = 4, size = 4, kind = "u32", base = "hex", meaning = "data of the first" },
        { name = "address", offset = 8, size = 8, kind = "u64", base = "hex", meaning = "address of all" },
      },
    },
  },
}
local HYPERCALLS = {
  [92] = { { name = "HvCallPostMessage", shape = 7, when = {} } },
  [93] = { { name = "HvCallSignalEvent", shape = 8, when = {} } },
  [126] = { { name = "HvCallRetargetDeviceInterrupt", shape = 9, when = {} }, { name = "HvCallRetargetDeviceInterrupt", shape = 10, when = {} } },
}
local MESSAGES = {
  [7] = { { name = "CLOSECHANNEL", shape = 11, when = {} } },
  [19] = { { name = "CLOSE_RESERVED_CHANNEL", shape = 12, when = {} } },
  [9] = { { name = "GPADL_BODY", shape = 13, when = {} } },
  [8] = { { name = "GPADL_HEADER", shape = 14, when = {} } },
  [11] = { { name = "GPADL_TEARDOWN", shape = 15, when = {} } },
  [14] = {
    { name = "INITIATE_CONTACT", shape = 16, when = { { field = "version", atLeast = 393216 }, { field = "featureFlags", bits = 8 } } },
    { name = "INITIATE_CONTACT", shape = 17, when = { { field = "version", below = 327680 } } },
    { name = "INITIATE_CONTACT", shape = 18, when = {} },
  },
  [22] = { { name = "MODIFYCHANNEL", shape = 19, when = {} } },
  [5] = { { name = "OPENCHANNEL", shape = 20, when = {} } },
  [18] = { { name = "OPEN_RESERVED_CHANNEL", shape = 21, when = {} } },
  [13] = { { name = "RELID_RELEASED", shape = 22, when = {} } },
  [3] = { { name = "REQUESTOFFERS", shape = 23, when = {} } },
  [21] = { { name = "TL_CONNECT_REQUEST", shape = 24, when = {} } },
  [16] = { { name = "UNLOAD", shape = 25, when = {} } },
  [4] = { { name = "ALLOFFERS_DELIVERED", shape = 26, when = {} } },
  [20] = { { name = "CLOSE_RESERVED_RESPONSE", shape = 27, when = {} } },
  [10] = { { name = "GPADL_CREATED", shape = 28, when = {} } },
  [12] = { { name = "GPADL_TORNDOWN", shape = 29, when = {} } },
  [24] = { { name = "MODIFYCHANNEL_RESPONSE", shape = 30, when = {} } },
  [1] = { { name = "OFFERCHANNEL", shape = 31, when = {} } },
  [6] = { { name = "OPENCHANNEL_RESULT", shape = 32, when = {} } },
  [2] = { { name = "RESCIND_CHANNELOFFER", shape = 33, when = {} } },
  [23] = { { name = "TL_CONNECT_RESULT", shape = 34, when = {} } },
  [17] = { { name = "UNLOAD_RESPONSE", shape = 35, when = {} } },
  [15] = { { name = "VERSION_RESPONSE", shape = 36, when = {} }, { name = "VERSION_RESPONSE", shape = 37, when = {} } },
}
local GUEST = {
  [1112080403] = { name = "QUERY_PROTOCOL_VERSION", shape = 38, reply = 69 },
  [1112080385] = { name = "QUERY_BUS_RELATIONS", shape = 39, reply = 67 },
  [1112080388] = { name = "POWER_STATE_CHANGE", shape = 40, reply = 68 },
  [1112080389] = { name = "QUERY_RESOURCE_REQUIREMENTS", shape = 41, reply = 70 },
  [1112080390] = { name = "QUERY_RESOURCE_RESOURCES", shape = 42, reply = 71 },
  [1112080391] = { name = "BUS_D0ENTRY", shape = 43, reply = 68 },
  [1112080392] = { name = "BUS_D0EXIT", shape = 44, reply = 68 },
  [1112080393] = { name = "READ_BLOCK", shape = 45, reply = 68 },
  [1112080394] = { name = "WRITE_BLOCK", shape = 46, reply = 68 },
  [1112080396] = { name = "QUERY_STOP", shape = 47, reply = 68 },
  [1112080398] = { name = "QUERY_STOP_FAILED", shape = 48, reply = 68 },
  [1112080399] = { name = "EJECTION_COMPLETE", shape = 49, reply = 68 },
  [1112080400] = { name = "RESOURCES_ASSIGNED", shape = 50, reply = 73 },
  [1112080401] = { name = "RESOURCES_RELEASED", shape = 51, reply = 68 },
  [1112080404] = { name = "CREATE_INTERRUPT", shape = 52, reply = 72 },
  [1112080405] = { name = "DELETE_INTERRUPT", shape = 53, reply = 68 },
  [1112080406] = { name = "RESOURCES_ASSIGNED2", shape = 54, reply = 74 },
  [1112080407] = { name = "CREATE_INTERRUPT2", shape = 55, reply = 72 },
  [1112080408] = { name = "DELETE_INTERRUPT2", shape = 56, reply = 68 },
  [1112080410] = { name = "RESOURCES_ASSIGNED3", shape = 57, reply = 74 },
  [1112080411] = { name = "CREATE_INTERRUPT3", shape = 58, reply = 72 },
  [1112080412] = { name = "RESET_DEVICE", shape = 59, reply = 68 },
  [1112080413] = { name = "TDISP_COMMAND", shape = 60, reply = 68 },
}
local HOST = {
  [1112080384] = { name = "BUS_RELATIONS", shape = 61 },
  [1112080386] = { name = "INVALIDATE_DEVICE", shape = 62 },
  [1112080387] = { name = "INVALIDATE_BUS", shape = 63 },
  [1112080395] = { name = "EJECT", shape = 64 },
  [1112080402] = { name = "INVALIDATE_BLOCK", shape = 65 },
  [1112080409] = { name = "BUS_RELATIONS2", shape = 66 },
}
local HEADER = SHAPES[1]
local RECORDS = {
  hypercall = SHAPES[2],
  message = SHAPES[3],
  packet = SHAPES[4],
  channel = SHAPES[5],
  signal = SHAPES[6],
}

local fields = {}

local function declare(abbreviation, label, kind, base_, values, meaning)
  if fields[abbreviation] ~= nil then return end
  local made
  if kind == "guid" then made = ProtoField.guid(abbreviation, label, meaning)
  elseif kind == "bytes" then made = ProtoField.bytes(abbreviation, label, base.NONE, meaning)
  elseif kind == "text" then made = ProtoField.string(abbreviation, label, base.NONE, meaning)
  else
    local make = { u8 = ProtoField.uint8, u16 = ProtoField.uint16, u32 = ProtoField.uint32, u64 = ProtoField.uint64 }
    made = make[kind](abbreviation, label, base_ == "hex" and base.HEX or base.DEC, values, nil, meaning)
  end
  fields[abbreviation] = made
end

local function declare_all(prefix, list)
  for _, field in ipairs(list) do
    local abbreviation = prefix .. "." .. field.name
    if field.part ~= nil then declare_all(abbreviation, field.part.fields)
    else declare(abbreviation, field.name, field.kind, field.base, VALUES[abbreviation], field.meaning) end
  end
end

for _, shape in ipairs(SHAPES) do
  declare_all(shape.prefix, shape.fields)
  if shape.tail ~= nil then declare_all(shape.prefix .. "." .. shape.tail.name, shape.tail.fields) end
end
declare("dda.message", "message", "text", nil, nil, "name of the message")
declare("dda.note", "note", "text", nil, nil, "what there is to say besides")
declare("dda.payload", "payload", "bytes", nil, nil, "what the record is about")

local dda = Proto("dda", "dda trace")
dda.fields = fields

local function number_at(buffer, offset, size) return buffer(offset, size):le_uint() end

local function field_of(shape, name)
  for _, field in ipairs(shape.fields) do if field.name == name then return field end end
end

local function value_of(buffer, shape, name)
  local field = field_of(shape, name)
  return number_at(buffer, field.offset, field.size)
end

local function text_of(range)
  local raw = range:raw()
  local zero = raw:find("\0", 1, true)
  return zero and raw:sub(1, zero - 1) or raw
end

local function is_zero(range) return range:raw():find("[^%z]") == nil end

local add_fields

local function add_cells(tree, range, prefix, label, cell, list, count)
  local sub = tree:add(range, label .. ": " .. count)
  for index = 0, count - 1 do
    local one = range(index * cell, cell)
    add_fields(sub:add(one, label .. "[" .. index .. "]"), one:tvb(), prefix, list)
  end
end

function add_fields(tree, buffer, prefix, list)
  for _, field in ipairs(list) do
    local range = buffer(field.offset, field.size)
    local abbreviation = prefix .. "." .. field.name
    if field.part ~= nil then
      local cell = field.part.cell
      local used = math.floor(field.size / cell)
      while used > 0 and is_zero(range((used - 1) * cell, cell)) do used = used - 1 end
      if used > 0 then add_cells(tree, range, abbreviation, field.name, cell, field.part.fields, used) end
    elseif field.kind == "bytes" then tree:add(fields[abbreviation], range)
    elseif field.kind == "text" then tree:add(fields[abbreviation], range, text_of(range))
    else tree:add_le(fields[abbreviation], range) end
  end
end

-- Adds a message by its table. Gives what is wrong with it, if anything is.
local function add_shape(tree, buffer, shape)
  if buffer:len() < shape.size then
    return "cut short (" .. buffer:len() .. " of " .. shape.size .. " bytes)"
  end
  if #shape.fields > 0 then add_fields(tree, buffer, shape.prefix, shape.fields) end
  local tail = shape.tail
  if tail == nil then return nil end
  local count = value_of(buffer, shape, tail.count)
  local present = math.min(count, math.floor((buffer:len() - shape.size) / tail.cell), tail.most)
  if present > 0 then
    add_cells(tree, buffer(shape.size, present * tail.cell), shape.prefix .. "." .. tail.name, tail.name, tail.cell, tail.fields, present)
  end
  if present < count then return "(" .. (count - present) .. " missing)" end
  return nil
end

local function fits(form, buffer)
  local shape = SHAPES[form.shape]
  if buffer:len() < shape.size then return false end
  for _, condition in ipairs(form.when) do
    local value = value_of(buffer, shape, condition.field)
    if condition.atLeast ~= nil and value < condition.atLeast then return false end
    if condition.below ~= nil and value >= condition.below then return false end
    if condition.bits ~= nil and bit32.band(value, condition.bits) ~= condition.bits then return false end
  end
  return true
end

local function form_of(forms, buffer)
  for _, form in ipairs(forms) do if fits(form, buffer) then return form end end
  return forms[#forms]
end

-- Each of these gives the name of the message, its table (nil: there is none), and a note.
local kinds = {}

kinds.hypercall = function(record, buffer)
  local code = value_of(record, RECORDS.hypercall, "callCode")
  local forms = HYPERCALLS[code]
  if forms == nil then return "hypercall 0x" .. string.format("%x", code) end
  local form = form_of(forms, buffer)
  if buffer:len() == 0 then return form.name end
  return form.name, SHAPES[form.shape]
end

kinds.message = function(record, buffer)
  local kind = value_of(record, RECORDS.message, "messageType")
  if kind ~= VMBUS_MESSAGE_TYPE then return "message of type " .. kind end
  if buffer:len() < 4 then return "(" .. buffer:len() .. " bytes)" end
  local message_type = number_at(buffer, 0, 4)
  local forms = MESSAGES[message_type]
  if forms == nil then return "unknown message " .. message_type end
  local form = form_of(forms, buffer)
  return form.name, SHAPES[form.shape]
end

local function completion(record, buffer)
  if buffer:len() < 4 then return "empty completion" end
  local request = GUEST[value_of(record, RECORDS.packet, "requestType")]
  local expected = request and SHAPES[request.reply]
  local failed = number_at(buffer, 0, 4) >= 0x80000000
  if expected == nil or failed or buffer:len() < expected.size then expected = SHAPES[STATUS] end
  return (request and request.name .. " " or "") .. "completion", expected
end

kinds.packet = function(record, buffer, header)
  local is_completion = value_of(record, RECORDS.packet, "packetType") == COMPLETION
  if header.protocol ~= VPCI then return is_completion and "completion" or "packet" end
  if header.direction == 0 then return "packet" end
  if is_completion and header.direction == 2 then return completion(record, buffer) end
  if buffer:len() < 4 then return "(" .. buffer:len() .. " bytes)" end
  local message_type = number_at(buffer, 0, 4)
  local known = (header.direction == 1 and GUEST or HOST)[message_type]
  if known == nil then
    return "unknown message 0x" .. string.format("%x", message_type) .. " (" .. buffer:len() .. " bytes)"
  end
  return known.name, SHAPES[known.shape]
end

kinds.channel = function(record, buffer)
  local state = value_of(record, RECORDS.channel, "state")
  local why = buffer:len() > 0 and buffer(0, math.min(buffer:len(), 300)):raw() or nil
  return "channel " .. (VALUES["dda.channel.state"][state] or ("in state " .. state)), nil, why
end

kinds.signal = function(_, _, header) return "event flag " .. header.relid end

function dda.dissector(buffer, pinfo, tree)
  pinfo.cols.protocol = "DDA"
  local root = tree:add(dda, buffer())
  local header = {}
  if buffer:len() >= HEADER.size then
    for _, name in ipairs({ "version", "kind", "direction", "protocol", "relid", "payloadBytes" }) do
      header[name] = value_of(buffer, HEADER, name)
    end
  end
  local kind = VALUES["dda.kind"][header.kind or -1]
  local shape = kind and RECORDS[kind]
  if header.version ~= VERSION or shape == nil or buffer:len() < shape.size then
    root:add(fields["dda.note"], buffer(), "no record that this dissector knows"):set_generated()
    return
  end
  add_fields(root, buffer, HEADER.prefix, HEADER.fields)
  add_fields(root, buffer, shape.prefix, shape.fields)
  local payload = buffer(shape.size):tvb()
  local name, message, note = kinds[kind](buffer, payload, header)
  local named = root:add(fields["dda.message"], buffer(), name)
  named:set_generated()
  if payload:len() > 0 then
    local sub = root:add(fields["dda.payload"], payload())
    if message ~= nil then note = add_shape(sub, payload, message) end
  elseif message ~= nil then note = add_shape(root, payload, message) end
  if note == nil and header.payloadBytes > payload:len() then
    note = payload:len() .. " of " .. header.payloadBytes .. " bytes kept"
  end
  if note ~= nil then root:add(fields["dda.note"], buffer(), note):set_generated() end
  pinfo.cols.src = header.direction == 1 and "guest" or header.direction == 2 and "host" or ""
  pinfo.cols.dst = header.direction == 1 and "host" or header.direction == 2 and "guest" or ""
  local channel = ""
  if kind == "packet" or kind == "channel" then
    local place = field_of(shape, "name")
    channel = text_of(buffer(place.offset, place.size))
    if channel == "" then channel = "channel " .. header.relid end
    channel = channel .. "  "
  end
  pinfo.cols.info = channel .. name .. (note and " (" .. note .. ")" or "")
  root:append_text(", " .. channel .. name)
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, dda)
