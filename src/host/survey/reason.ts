/** How much a reason weighs. `blocks`: can't be lent as things stand. `risk`: can, and the sentence says what may go wrong. */
export const Weight = { blocks: 'blocks', risk: 'risk', note: 'note' } as const;
export type Weight = (typeof Weight)[keyof typeof Weight];

/** Every reason that a survey can give, by its stable code. docs/cli.md lists them. */
export const reasonCodes = {
  machinery: 'A bridge or another part of the machine itself.',
  'no-iommu': 'The IOMMU is off or absent.',
  'no-iommu-group': 'This function is in no IOMMU group.',
  'iommu-bypassed': 'The group was made without an IOMMU.',
  'reserved-memory': 'Firmware goes on using memory through this function.',
  'io-ports-only': 'It is driven by I/O ports only, which a guest does not get.',
  'no-message-interrupts': 'It has a line interrupt only, which a guest does not get.',
  'bar-not-placed': 'The host found no addresses for one of its BARs.',
  'not-answering': 'It does not answer: its configuration space reads all ones.',
  'no-vfio': 'The kernel has no vfio-pci, through which it would be lent.',
  'no-interrupt-remapping': 'The IOMMU does not check its interrupts, and VFIO refuses to lend it.',
  'in-use': 'The host is using it now.',
  'group-mate-in-use': 'The host is using another function of its group.',
  'virtual-functions-on': 'It has virtual functions, which end with its driver.',
  held: 'A process holds it through VFIO.',
  stuck: 'An earlier act on it is blocked in the kernel.',
  'group-mates': 'Other functions must be dismounted with it.',
  'no-reset': 'No way to reset it is known, so it could not be handed back clean.',
  'conventional-pci': 'It has no PCI Express capability.',
  'unsafe-interrupts': 'The IOMMU does not check its interrupts, and VFIO was told to lend it all the same.',
  'acs-overridden': 'Its IOMMU group was split by a kernel parameter, not by hardware.',
  'firmware-control': 'Firmware kept control of the PCI Express features of its port.',
  'in-light-use': 'The host has it set up, but can do without.',
  'no-acs': 'A port above it has no ACS, or it is off.',
  'acs-by-model': 'A port above it shows no ACS, but the kernel knows that its model keeps functions apart.',
  'shared-device': 'It is one of several functions of a device that does not keep them apart.',
  'root-complex-endpoint': 'It is built into the root complex.',
  'legacy-endpoint': 'It is a legacy endpoint.',
  'conventional-on-root-bus': 'It has no PCI Express capability, but no bridge hides it.',
  'no-interrupts': 'It raises no interrupts.',
  'firmware-errors': 'Firmware, not the kernel, handles its PCI Express errors.',
  asleep: 'It is powered off to save power, so it was not looked into.',
  disabled: 'A driver has it, but has turned it off.',
  'power-reset-only': 'A change of its power state is the only way to reset it.',
  'reset-unknown': 'The kernel does not say how it would be reset.',
  'capabilities-unread': 'Its configuration space could not be read in full.',
  'io-ports-hidden': 'Its I/O ports are not shown to a guest.',
  dismounted: 'It is dismounted: ready to be lent.',
  abandoned: 'The command that dismounted it ended without giving it back.',
} as const;
export type ReasonCode = keyof typeof reasonCodes;

export interface Reason {
  readonly code: ReasonCode;
  readonly weight: Weight;
  /** In plain words, a whole sentence. */
  readonly sentence: string;
  /** What would change it; undefined: nothing needs to, or nothing would. */
  readonly remedy: string | undefined;
}

export const Verdict = {
  assignable: 'assignable',
  withRisk: 'assignable with risk',
  notAssignable: 'not assignable',
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

export function verdictOf(reasons: readonly Reason[]): Verdict {
  if (reasons.some((reason) => reason.weight === Weight.blocks)) return Verdict.notAssignable;
  return reasons.some((reason) => reason.weight === Weight.risk) ? Verdict.withRisk : Verdict.assignable;
}
