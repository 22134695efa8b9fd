import { CapabilityId, ExtendedCapabilityId } from './capabilities.ts';

const standard: ReadonlyMap<number, string> = new Map([
  [CapabilityId.powerManagement, 'Power Management'],
  [CapabilityId.agp, 'AGP'],
  [CapabilityId.vitalProductData, 'Vital Product Data'],
  [CapabilityId.slotIdentification, 'Slot Identification'],
  [CapabilityId.msi, 'MSI'],
  [CapabilityId.compactPciHotSwap, 'CompactPCI Hot Swap'],
  [CapabilityId.pciX, 'PCI-X'],
  [CapabilityId.hyperTransport, 'HyperTransport'],
  [CapabilityId.vendorSpecific, 'Vendor-Specific'],
  [CapabilityId.debugPort, 'Debug Port'],
  [CapabilityId.compactPciControl, 'CompactPCI Resource Control'],
  [CapabilityId.hotPlugController, 'Standard Hot-Plug Controller'],
  [CapabilityId.bridgeSubsystem, 'Bridge Subsystem Ids'],
  [CapabilityId.agp8x, 'AGP 8x'],
  [CapabilityId.secureDevice, 'Secure Device'],
  [CapabilityId.pciExpress, 'PCI Express'],
  [CapabilityId.msix, 'MSI-X'],
  [CapabilityId.sataIndexData, 'SATA Index-Data'],
  [CapabilityId.advancedFeatures, 'Advanced Features'],
  [CapabilityId.enhancedAllocation, 'Enhanced Allocation'],
]);

const extended: ReadonlyMap<number, string> = new Map([
  [ExtendedCapabilityId.advancedErrorReporting, 'Advanced Error Reporting'],
  [ExtendedCapabilityId.virtualChannel, 'Virtual Channel'],
  [ExtendedCapabilityId.deviceSerialNumber, 'Device Serial Number'],
  [ExtendedCapabilityId.powerBudgeting, 'Power Budgeting'],
  [ExtendedCapabilityId.rootComplexLink, 'Root Complex Link Declaration'],
  [ExtendedCapabilityId.rootComplexInternalLink, 'Root Complex Internal Link Control'],
  [ExtendedCapabilityId.rootComplexEventCollector, 'Root Complex Event Collector Association'],
  [ExtendedCapabilityId.multiFunctionVirtualChannel, 'Multi-Function Virtual Channel'],
  [ExtendedCapabilityId.virtualChannel9, 'Virtual Channel (with MFVC)'],
  [ExtendedCapabilityId.rootComplexRegisterBlock, 'Root Complex Register Block'],
  [ExtendedCapabilityId.vendorSpecific, 'Vendor-Specific (extended)'],
  [ExtendedCapabilityId.configurationAccess, 'Configuration Access Correlation'],
  [ExtendedCapabilityId.accessControlServices, 'Access Control Services'],
  [ExtendedCapabilityId.alternativeRoutingId, 'Alternative Routing-ID'],
  [ExtendedCapabilityId.addressTranslationServices, 'Address Translation Services'],
  [ExtendedCapabilityId.singleRootIov, 'Single Root I/O Virtualization'],
  [ExtendedCapabilityId.multiRootIov, 'Multi-Root I/O Virtualization'],
  [ExtendedCapabilityId.multicast, 'Multicast'],
  [ExtendedCapabilityId.pageRequest, 'Page Request Interface'],
  [ExtendedCapabilityId.resizableBar, 'Resizable BAR'],
  [ExtendedCapabilityId.dynamicPowerAllocation, 'Dynamic Power Allocation'],
  [ExtendedCapabilityId.tphRequester, 'TPH Requester'],
  [ExtendedCapabilityId.latencyTolerance, 'Latency Tolerance Reporting'],
  [ExtendedCapabilityId.secondaryPciExpress, 'Secondary PCI Express'],
  [ExtendedCapabilityId.protocolMultiplexing, 'Protocol Multiplexing'],
  [ExtendedCapabilityId.processAddressSpaceId, 'Process Address Space ID'],
  [ExtendedCapabilityId.lnRequester, 'Lightweight Notification Requester'],
  [ExtendedCapabilityId.downstreamPortContainment, 'Downstream Port Containment'],
  [ExtendedCapabilityId.l1PowerSubstates, 'L1 PM Substates'],
  [ExtendedCapabilityId.precisionTime, 'Precision Time Measurement'],
  [ExtendedCapabilityId.mPcie, 'PCI Express over M-PHY'],
  [ExtendedCapabilityId.readinessQueueing, 'FRS Queueing'],
  [ExtendedCapabilityId.readinessTime, 'Readiness Time Reporting'],
  [ExtendedCapabilityId.designatedVendorSpecific, 'Designated Vendor-Specific'],
  [ExtendedCapabilityId.vfResizableBar, 'VF Resizable BAR'],
  [ExtendedCapabilityId.dataLinkFeature, 'Data Link Feature'],
  [ExtendedCapabilityId.physicalLayer16, 'Physical Layer 16.0 GT/s'],
  [ExtendedCapabilityId.laneMargining, 'Lane Margining at the Receiver'],
  [ExtendedCapabilityId.hierarchyId, 'Hierarchy ID'],
  [ExtendedCapabilityId.nativeEnclosure, 'Native PCIe Enclosure Management'],
  [ExtendedCapabilityId.physicalLayer32, 'Physical Layer 32.0 GT/s'],
  [ExtendedCapabilityId.alternateProtocol, 'Alternate Protocol'],
  [ExtendedCapabilityId.systemFirmwareIntermediary, 'System Firmware Intermediary'],
  [ExtendedCapabilityId.shadowFunctions, 'Shadow Functions'],
  [ExtendedCapabilityId.dataObjectExchange, 'Data Object Exchange'],
  [ExtendedCapabilityId.integrityAndEncryption, 'Integrity and Data Encryption'],
]);

/** The specification's name of a standard capability; undefined for an id it doesn't know. */
export function capabilityName(id: number): string | undefined {
  return standard.get(id);
}

/** The specification's name of an extended capability; undefined for an id it doesn't know. */
export function extendedCapabilityName(id: number): string | undefined {
  return extended.get(id);
}
