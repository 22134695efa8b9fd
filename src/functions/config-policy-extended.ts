import { ExtendedCapabilityId as Id } from '../pci/index.ts';
import type { CapabilityRule, HiddenCapability } from './config-policy.ts';

function hidden(id: number, reason: string): HiddenCapability {
  return { visibility: 'hidden', id, reason };
}

/** Rules for the capabilities from 0x100 on. */
export const extendedCapabilityRules: readonly CapabilityRule[] = [
  {
    visibility: 'shown',
    id: Id.deviceSerialNumber,
    registers: [
      {
        register: 'Serial Number',
        offset: 4,
        sizeBytes: 8,
        shown: 'all',
        reason: 'Never changes; drivers derive names and addresses from it.',
      },
    ],
    reason: 'Drivers read it.',
  },
  {
    visibility: 'shown',
    id: Id.vendorSpecific,
    repeats: true,
    registers: [
      {
        register: 'Header and body',
        offset: 4,
        sizeBytes: 4092,
        shown: 'all',
        reason: 'Read-only, as after the last reset: drivers find features by it, and writes could reach anything.',
      },
    ],
    reason: 'Drivers read it.',
  },
  hidden(
    Id.advancedErrorReporting,
    'Errors are reported to the host and handled there; its log tells of other requesters.',
  ),
  hidden(Id.singleRootIov, 'Virtual functions come and go on the host only: each would be a new requester.'),
  hidden(Id.multiRootIov, 'As SR-IOV.'),
  hidden(
    Id.addressTranslationServices,
    'A translation that the function cached would outlive its revocation by the IOMMU.',
  ),
  hidden(Id.pageRequest, "Faults would have to be answered by the host's IOMMU driver for the guest."),
  hidden(Id.processAddressSpaceId, 'Needs address spaces that the guest cannot give to the IOMMU.'),
  hidden(Id.accessControlServices, 'Isolation between functions is set by the host.'),
  hidden(Id.alternativeRoutingId, 'Names the next function of the device on the host.'),
  hidden(Id.resizableBar, 'The size of a BAR decides what the bridges above route.'),
  hidden(Id.vfResizableBar, 'As resizable BARs.'),
  hidden(Id.multicast, 'Lets a function receive what others write.'),
  hidden(Id.latencyTolerance, 'Needs the bridges above.'),
  hidden(Id.l1PowerSubstates, "The link's power management is the host's."),
  hidden(Id.precisionTime, 'Needs the bridges above.'),
  hidden(Id.tphRequester, 'Steering tags name caches of the host.'),
  hidden(Id.virtualChannel, 'Traffic classes are shared with the bridges above.'),
  hidden(Id.virtualChannel9, 'Traffic classes are shared with the bridges above.'),
  hidden(Id.multiFunctionVirtualChannel, 'Shared between the functions of a device.'),
  hidden(Id.powerBudgeting, 'Changes with a selector, and is meant for who supplies the power.'),
  hidden(Id.dynamicPowerAllocation, 'Power is the affair of the host.'),
  hidden(Id.secondaryPciExpress, 'Settings of the link.'),
  hidden(Id.dataLinkFeature, 'Settings of the link.'),
  hidden(Id.physicalLayer16, 'Settings of the link.'),
  hidden(Id.physicalLayer32, 'Settings of the link.'),
  hidden(Id.laneMargining, 'Tests the electrical limits of the link.'),
  hidden(Id.protocolMultiplexing, 'Settings of the link.'),
  hidden(Id.alternateProtocol, 'Settings of the link.'),
  hidden(Id.designatedVendorSpecific, 'Often controls parts that functions and links share (CXL).'),
  hidden(Id.dataObjectExchange, "A mailbox to the device's firmware: attestation and security are the host's."),
  hidden(Id.integrityAndEncryption, 'Keys of the link.'),
  hidden(Id.readinessQueueing, 'Messages go to the ports above.'),
  hidden(
    Id.readinessTime,
    'The guest should wait as long as the standard says: its resets take the way through the host.',
  ),
  hidden(Id.lnRequester, 'Needs the root complex.'),
  hidden(Id.hierarchyId, 'Names the host.'),
  hidden(Id.nativeEnclosure, 'Lights of the host.'),
  hidden(Id.systemFirmwareIntermediary, 'Of ports.'),
  hidden(Id.shadowFunctions, 'Would use requester ids that the IOMMU knows nothing of.'),
  hidden(Id.downstreamPortContainment, 'Of ports.'),
  hidden(Id.configurationAccess, 'Of the root complex.'),
  hidden(Id.rootComplexLink, 'Of the root complex.'),
  hidden(Id.rootComplexInternalLink, 'Of the root complex.'),
  hidden(Id.rootComplexEventCollector, 'Of the root complex.'),
  hidden(Id.rootComplexRegisterBlock, 'Of the root complex.'),
  hidden(Id.mPcie, 'Settings of the link.'),
];
