import { bytes, Layout, u8, u16, u32, u64 } from '../../vmbus/index.ts';

const LINUX = 'Linux 6.1 drivers/pci/controller/pci-hyperv.c';
const OPENVMM = 'OpenVMM vm/devices/pci/vpci_protocol';

const identityFields = {
  vendorId: u16(0, 'vendor id'),
  deviceId: u16(2, 'device id'),
  revisionId: u8(4, 'revision'),
  programmingInterface: u8(5, 'programming interface'),
  subClass: u8(6, 'sub-class'),
  baseClass: u8(7, 'base class'),
  subsystemVendorId: u16(8, 'subsystem vendor id'),
  subsystemId: u16(10, 'subsystem id'),
  slot: u32(12, 'slot: device in bits 4:0, function in bits 7:5'),
  serial: u32(16, 'serial number: names the slot in the guest'),
} as const;

/** One function in BUS_RELATIONS. */
export const FUNCTION_DESCRIPTION = new Layout('function description', `${LINUX}, pcichild_desc`, 20, identityFields);

/** One function in BUS_RELATIONS2. */
export const FUNCTION_DESCRIPTION_2 = new Layout('function description 2', `${LINUX}, pcichild_desc2`, 28, {
  ...identityFields,
  flags: u32(20, 'bit 0: the NUMA node is valid'),
  numaNode: u16(24, "the guest's NUMA node"),
});

/** A BAR's place: Windows' partial resource descriptor, packed. */
export const BAR_RESOURCE = new Layout('BAR resource', `${OPENVMM}, PartialResourceDescriptor`, 20, {
  kind: u8(0, '0 none, 3 memory, 7 large memory'),
  share: u8(1, 'share disposition, 0'),
  flags: u16(2, 'large memory: the length is shifted left by 8 (bit 9), 16 (bit 10) or 32 (bit 11)'),
  address: u64(4, 'guest-physical address'),
  lengthBytes: u32(12, 'length, before the shift'),
});

/** What a guest wants of one interrupt, or of a block of them. */
export const MSI_DESCRIPTOR = new Layout('MSI descriptor', `${LINUX}, hv_msi_desc`, 16, {
  vector: u8(0, 'IDT vector'),
  deliveryMode: u8(1, '0 fixed, 1 lowest priority'),
  vectorCount: u16(2, 'number of vectors'),
  vpMask: u64(8, 'VPs 0…63 that may take it; Linux: all ones'),
});

export const MSI_DESCRIPTOR_2 = new Layout('MSI descriptor 2', `${LINUX}, hv_msi_desc2`, 70, {
  vector: u8(0, 'IDT vector'),
  deliveryMode: u8(1, '0 fixed, 1 lowest priority'),
  vectorCount: u16(2, 'number of vectors'),
  vpCount: u16(4, 'number of VPs listed, at most 32'),
  vps: bytes(6, 64, 'VP indexes'),
});

export const MSI_DESCRIPTOR_3 = new Layout('MSI descriptor 3', `${LINUX}, hv_msi_desc3`, 74, {
  vector: u32(0, 'IDT vector'),
  deliveryMode: u8(4, '0 fixed, 1 lowest priority'),
  vectorCount: u16(6, 'number of vectors'),
  vpCount: u16(8, 'number of VPs listed, at most 32'),
  vps: bytes(10, 64, 'VP indexes'),
});

/** The token a guest programs for a descriptor: data … data + count − 1 at one address. */
export const MSI_TOKEN = new Layout('MSI token', `${LINUX}, tran_int_desc`, 16, {
  vectorCount: u16(2, 'number of vectors; 0 would make Linux forget to delete it'),
  data: u32(4, 'data of the first'),
  address: u64(8, 'address of all'),
});

const VP_INDEX = new Layout('VP index', `${LINUX}, processor_array`, 2, { vp: u16(0, 'VP index') });
const BAR_MASK = new Layout('BAR mask', `${LINUX}, probed_bar`, 4, {
  mask: u32(0, 'what the BAR register reads after all ones were written'),
});

const vpList = { vps: { shape: { layout: VP_INDEX }, cellBytes: 2 } } as const;

/** Structures in the cells in which messages carry them. */
export const CELLS = {
  description: { shape: { layout: FUNCTION_DESCRIPTION }, cellBytes: 20 },
  description2: { shape: { layout: FUNCTION_DESCRIPTION_2 }, cellBytes: 28 },
  barResource: { shape: { layout: BAR_RESOURCE }, cellBytes: 20 },
  barMask: { shape: { layout: BAR_MASK }, cellBytes: 4 },
  descriptor: { shape: { layout: MSI_DESCRIPTOR }, cellBytes: 16 },
  descriptor2: { shape: { layout: MSI_DESCRIPTOR_2, parts: vpList }, cellBytes: 72 },
  descriptor3: { shape: { layout: MSI_DESCRIPTOR_3, parts: vpList }, cellBytes: 80 },
  token: { shape: { layout: MSI_TOKEN }, cellBytes: 16 },
  token2: { shape: { layout: MSI_TOKEN }, cellBytes: 72 },
} as const;
