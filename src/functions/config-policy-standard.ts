import {
  AdvancedFeaturesRegister,
  CapabilityId,
  DeviceControlBit,
  ExpressRegister,
  MsiControlBit,
  MsiRegister,
  MsixControlBit,
  MsixRegister,
  PowerControlBit,
  PowerRegister,
  advancedFeaturesFunctionLevelReset,
  advancedFeaturesInitiateReset,
} from '../pci/index.ts';
import type { CapabilityRule, RegisterRule } from './config-policy.ts';

const powerRegisters: readonly RegisterRule[] = [
  {
    register: 'Power Management Capabilities',
    offset: PowerRegister.capabilities,
    sizeBytes: 2,
    // Version, PME clock, immediate readiness, device-specific initialisation.
    shown: 0x003f,
    reason: 'D1, D2 and wake-up (PME) are hidden: nothing in the guest could be woken by them.',
  },
  {
    register: 'Power Management Control/Status',
    offset: PowerRegister.control,
    sizeBytes: 2,
    shown: PowerControlBit.noSoftReset,
    passedOn: PowerControlBit.stateMask,
    emulated: 'Only D0 and D3hot can be chosen; the guest reaches no BAR in D3hot.',
    reason:
      'Drivers put idle functions to sleep. The BARs are unmapped before the function sleeps and mapped after it wakes, ' +
      'because a sleeping function faults accesses.',
  },
  {
    register: 'Bridge extensions, Data',
    offset: PowerRegister.bridge,
    sizeBytes: 2,
    reason: 'The data register changes with a selector that is not shown.',
  },
];

const msiRegisters: readonly RegisterRule[] = [
  {
    register: 'Message Control',
    offset: MsiRegister.control,
    sizeBytes: 2,
    shown: MsiControlBit.multipleCapableMask | MsiControlBit.address64 | MsiControlBit.perVectorMasking,
    kept: MsiControlBit.enable | MsiControlBit.multipleEnableMask,
    emulated: 'More vectors than the function has cannot be enabled. While MSI-X is enabled, MSI is not acted on.',
    reason: "The host programs the function with its own message; the guest's message says where its interrupt goes.",
  },
  {
    register: 'Message Address, Message Data, Mask Bits, Pending Bits',
    offset: MsiRegister.addressLow,
    sizeBytes: 20,
    emulated: 'Address and data are kept; so are the mask bits of existing vectors. Pending bits read 0.',
    reason: 'As above. The registers lie where the function has them: with or without upper address and masks.',
  },
];

const msixRegisters: readonly RegisterRule[] = [
  {
    register: 'Message Control',
    offset: MsixRegister.control,
    sizeBytes: 2,
    shown: MsixControlBit.tableSizeMask,
    kept: MsixControlBit.enable | MsixControlBit.functionMask,
    reason: 'Acted on in the emulated table; the function itself is programmed by the host.',
  },
  {
    register: 'Table Offset, BIR',
    offset: MsixRegister.table,
    sizeBytes: 4,
    shown: 0xffff_ffff,
    reason: 'The emulated table lies where the real one does; its pages are never mapped into the guest for writing.',
  },
  {
    register: 'PBA Offset, BIR',
    offset: MsixRegister.pendingBits,
    sizeBytes: 4,
    shown: 0xffff_ffff,
    reason: 'As the table.',
  },
];

const deviceControlReporting =
  DeviceControlBit.correctableErrorReporting |
  DeviceControlBit.nonFatalErrorReporting |
  DeviceControlBit.fatalErrorReporting |
  DeviceControlBit.unsupportedRequestReporting;

const expressRegisters: readonly RegisterRule[] = [
  {
    register: 'PCI Express Capabilities',
    offset: ExpressRegister.capabilities,
    sizeBytes: 2,
    // Version and device type; not "slot implemented" nor the interrupt message number.
    shown: 0x00ff,
    reason: 'What kind of function it is. A guest has no slot.',
  },
  {
    register: 'Device Capabilities',
    offset: ExpressRegister.deviceCapabilities,
    sizeBytes: 4,
    shown: 0xffff_ffe7,
    reason: 'Phantom functions (bits 4:3) are hidden: they would use requester ids that the IOMMU knows nothing of.',
  },
  {
    register: 'Device Control',
    offset: ExpressRegister.deviceControl,
    sizeBytes: 2,
    shown: DeviceControlBit.maxPayloadMask | DeviceControlBit.extendedTag | DeviceControlBit.auxPower,
    kept: deviceControlReporting,
    passedOn: DeviceControlBit.relaxedOrdering | DeviceControlBit.noSnoop | DeviceControlBit.maxReadRequestMask,
    acts: DeviceControlBit.initiateFunctionLevelReset,
    emulated:
      'A reserved read request size (6, 7) is not taken. A reset runs on the host and leaves the view as after attach.',
    reason:
      'Ordering, snooping and the size of read requests concern the function alone and drivers tune them. Payload size and ' +
      'tags must agree with the bridges above. Error reports go to the host whatever the guest enables.',
  },
  {
    register: 'Device Status',
    offset: ExpressRegister.deviceStatus,
    sizeBytes: 2,
    shown: 0x0010,
    reason:
      'Error bits belong to the host. "Transactions pending" changes by itself and reads 0: whoever waits for it is about to reset, ' +
      'and the host waits for it then.',
  },
  {
    register: 'Link Capabilities',
    offset: ExpressRegister.linkCapabilities,
    sizeBytes: 4,
    // Speed, width and port number.
    shown: 0xff00_03ff,
    reason: "Speed and width are of interest to drivers. The link's power management is the host's.",
  },
  {
    register: 'Link Control',
    offset: ExpressRegister.linkControl,
    sizeBytes: 2,
    shown: 0x0048,
    reason: 'The link may be shared with other functions; retraining or disabling it would reach them. Read-only.',
  },
  {
    register: 'Link Status',
    offset: ExpressRegister.linkStatus,
    sizeBytes: 2,
    shown: 0x13ff,
    reason: 'Changes by itself: read-only, as it stood after the last reset. Link training always reads 0.',
  },
  {
    register: 'Slot and Root registers',
    offset: ExpressRegister.slotCapabilities,
    sizeBytes: 16,
    reason: 'Endpoints have none; hot-plug is the job of the bus, not of a slot.',
  },
  {
    register: 'Device Capabilities 2',
    offset: ExpressRegister.deviceCapabilities2,
    sizeBytes: 4,
    shown: 0x0000_039f,
    reason:
      'Completion time-outs and atomic completers are shown; latency tolerance, OBFF, ARI and tag extensions need the bridges above.',
  },
  {
    register: 'Device Control 2',
    offset: ExpressRegister.deviceControl2,
    sizeBytes: 2,
    shown: 0x001f,
    reason: 'How long a request may wait is the choice of the host. Read-only.',
  },
  {
    register: 'Link Capabilities 2',
    offset: ExpressRegister.linkCapabilities2,
    sizeBytes: 4,
    shown: 0x0000_00fe,
    reason: 'The speeds the link supports.',
  },
  {
    register: 'Link Control 2, Link Status 2',
    offset: ExpressRegister.linkControl2,
    sizeBytes: 4,
    shown: 0x0000_000f,
    reason: 'The target speed, read-only; the rest is the affair of the link.',
  },
];

/** Rules for the capabilities of the first 256 bytes. */
export const standardCapabilityRules: readonly CapabilityRule[] = [
  {
    visibility: 'shown',
    id: CapabilityId.powerManagement,
    registers: powerRegisters,
    reason: 'Drivers use D3hot and D0.',
  },
  { visibility: 'shown', id: CapabilityId.msi, registers: msiRegisters, reason: 'Interrupts.' },
  { visibility: 'shown', id: CapabilityId.msix, registers: msixRegisters, reason: 'Interrupts.' },
  {
    visibility: 'shown',
    id: CapabilityId.pciExpress,
    registers: expressRegisters,
    reason: 'Drivers look for it, for the link and for the reset.',
  },
  {
    visibility: 'shown',
    id: CapabilityId.advancedFeatures,
    registers: [
      {
        register: 'Length, AF Capabilities',
        offset: AdvancedFeaturesRegister.length,
        sizeBytes: 2,
        // "Transactions pending" is supported: byte 3 bit 0; reset: bit 1.
        shown: 0x00ff | ((advancedFeaturesFunctionLevelReset | 0x01) << 8),
        reason: 'Says that the function can be reset.',
      },
      {
        register: 'AF Control, AF Status',
        offset: AdvancedFeaturesRegister.control,
        sizeBytes: 2,
        acts: advancedFeaturesInitiateReset,
        reason: 'As for Device Control and Device Status.',
      },
    ],
    reason: 'The reset of functions without a PCI Express capability.',
  },
  {
    visibility: 'shown',
    id: CapabilityId.vendorSpecific,
    repeats: true,
    registers: [
      {
        register: 'Length and body',
        offset: 2,
        sizeBytes: 254,
        shown: 'all',
        reason:
          'Read-only, as after the last reset: drivers find their way by it (virtio), and writes could reach anything.',
      },
    ],
    reason: 'Drivers read it.',
  },
  {
    visibility: 'hidden',
    id: CapabilityId.vitalProductData,
    reason:
      'Writes can make a board unusable for ever, each read takes the function up to 125 ms, and its registers change by themselves.',
  },
  {
    visibility: 'hidden',
    id: CapabilityId.slotIdentification,
    reason: 'Of bridges; tells where in the host the function is.',
  },
  {
    visibility: 'hidden',
    id: CapabilityId.compactPciHotSwap,
    reason: 'Hot-plug is the job of the bus in the guest.',
  },
  { visibility: 'hidden', id: CapabilityId.hotPlugController, reason: 'Hot-plug is the job of the bus in the guest.' },
  { visibility: 'hidden', id: CapabilityId.pciX, reason: 'Settings of a bus that the guest does not have.' },
  { visibility: 'hidden', id: CapabilityId.hyperTransport, reason: 'Settings of a link that the guest does not have.' },
  { visibility: 'hidden', id: CapabilityId.agp, reason: 'Settings of a bus that the guest does not have.' },
  { visibility: 'hidden', id: CapabilityId.agp8x, reason: 'Settings of a bus that the guest does not have.' },
  { visibility: 'hidden', id: CapabilityId.debugPort, reason: 'Leads to registers that debug the host.' },
  {
    visibility: 'hidden',
    id: CapabilityId.compactPciControl,
    reason: 'Settings of a bus that the guest does not have.',
  },
  { visibility: 'hidden', id: CapabilityId.bridgeSubsystem, reason: 'Of bridges, which are never assigned.' },
  { visibility: 'hidden', id: CapabilityId.secureDevice, reason: "The host's IOMMU settings." },
  { visibility: 'hidden', id: CapabilityId.sataIndexData, reason: 'Leads to I/O ports, which are not shown.' },
  {
    visibility: 'hidden',
    id: CapabilityId.enhancedAllocation,
    reason: 'Describes BARs at fixed host addresses; the guest must place its own.',
  },
];
