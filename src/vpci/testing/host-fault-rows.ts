import type { HostFaultName } from './host-faults.ts';

/** What shows a bug: a fault of the provider; something that VMBus does with the offer; or something no host can cause. */
export type FaultCause = HostFaultName | 'offer' | 'repetition' | 'names' | 'no host';

export interface FaultRow {
  /** The bug on the guest's side, as its public fix calls it. */
  readonly bug: string;
  readonly cause: FaultCause;
  /** What the host does. */
  readonly host: string;
  /** What the Linux-style front end makes of it. */
  readonly outcome: string;
}

/** Public bugs of pci-hyperv and hv_vmbus with the host behaviour that shows each, and how the Linux-style front end fares. */
export const FAULT_ROWS: readonly FaultRow[] = [
  {
    bug: 'race in hv_pci_query_relations',
    cause: 'remove-during-relations',
    host: 'takes the function away while relations are worked on',
    outcome: 'the probe ends with -ENODEV within 100 ms',
  },
  {
    bug: 'race in hv_irq_unmask',
    cause: 'eject-during-interrupt-creation',
    host: 'ejects while interrupts are created',
    outcome: 'the driver starts, then lets go',
  },
  {
    bug: 'per-bus state lock',
    cause: 'eject-before-bus',
    host: 'ejects before the bus exists, and rescinds the moment the guest has let go',
    outcome: 'let go, released',
  },
  {
    bug: 'race when removing the device',
    cause: 'eject-then-rescind',
    host: 'ejects and rescinds at once',
    outcome: 'released',
  },
  {
    bug: 'lock the PCI bus on eject',
    cause: 'eject-during-scan',
    host: 'ejects while the bus is scanned',
    outcome: 'the scan goes on, then the function is let go',
  },
  {
    bug: 'handle PCI bus remove properly',
    cause: 'relations-during-removal',
    host: 'tells other relations while the bus is removed',
    outcome: 'they are ignored',
  },
  {
    bug: 'fix hv_pci_remove for hot-remove',
    cause: 'd0-exit-silent',
    host: 'never completes BUS_D0EXIT',
    outcome: 'the removal goes on after 10 s',
  },
  {
    bug: 'release resources after stopping the bus',
    cause: 'bars-gone-at-release',
    host: 'turns BARs off as they are released',
    outcome: 'nothing touches them any more by then',
  },
  {
    bug: "don't wait for ever on a vanished device",
    cause: 'rescind-mid-handshake',
    host: 'rescinds in place of an answer',
    outcome: 'every wait ends within 100 ms',
  },
  {
    bug: 'reset the channel callback at the rescind',
    cause: 'completion-after-rescind',
    host: 'a completion comes after the rescind',
    outcome: 'it is not looked at',
  },
  {
    bug: 'fix rescind handling',
    cause: 'offer',
    host: 'rescinds while the offer is being worked on',
    outcome: 'no channel is opened',
  },
  {
    bug: 'rescind issues',
    cause: 'offer',
    host: 'rescinds at once and never answers OPENCHANNEL',
    outcome: 'the probe ends with -ENODEV',
  },
  {
    bug: 'rescind of a device without a driver',
    cause: 'offer',
    host: 'rescinds what nobody has claimed',
    outcome: 'RELID_RELEASED',
  },
  {
    bug: 'two hangs in compose_msi_msg',
    cause: 'msi-never-completes',
    host: 'never completes CREATE_INTERRUPT',
    outcome: 'the wait ends when the vendor id reads 0xffff',
  },
  {
    bug: 'channel callback and compose_msi_msg',
    cause: 'msi-completes-after-eject',
    host: 'completes CREATE_INTERRUPT after an eject',
    outcome: 'the driver starts, then lets go',
  },
  {
    bug: 'multi-MSI mapping',
    cause: 'retarget-refused',
    host: 'refuses to retarget a message of a block',
    outcome: 'the driver gives the function up; nothing is left behind',
  },
  {
    bug: 'definition of the vector',
    cause: 'no host',
    host: 'nothing: the guest chooses vectors',
    outcome: '32 bits from 1.4 on, 8 before',
  },
  {
    bug: 'retry D0 entry on invalid state',
    cause: 'd0-invalid-state',
    host: 'refuses D0 once',
    outcome: 'released, left, entered again',
  },
  {
    bug: 'kdump timing',
    cause: 'late-relations',
    host: 'tells relations late, and again much later',
    outcome: 'waits, and rescans',
  },
  {
    bug: 'hibernation without interrupts re-created',
    cause: 'mappings-dropped-over-resume',
    host: 'forgets messages over a resume and refuses to retarget meanwhile',
    outcome: 'every message is made anew',
  },
  {
    bug: 'PCI domain collision',
    cause: 'names',
    host: 'offers two buses with the same domain',
    outcome: 'the second takes the next free one',
  },
  {
    bug: 'leaks in eject and slots',
    cause: 'repetition',
    host: 'cycle after cycle of offer, eject and rescind',
    outcome: 'nothing is left behind',
  },
  {
    bug: 'NUMA node assignment',
    cause: 'numa-node-out-of-range',
    host: 'names a node that the guest has not',
    outcome: 'node 0',
  },
  {
    bug: 'config window above 4 GiB',
    cause: 'config-window-refused',
    host: 'refuses the window',
    outcome: 'one more try, then -EPROTO; nothing is left behind',
  },
  { bug: 'unsupported virtual PCI protocol', cause: 'version-downgrade', host: 'refuses 1.4', outcome: '1.3' },
  {
    bug: 'BARs unmapped during an eject',
    cause: 'bar-yank-during-eject',
    host: "unmaps BARs before the guest's driver is done",
    outcome: 'the driver sees all ones and lets go',
  },
  {
    bug: 'VF hot-plug',
    cause: 'removed-during-callback',
    host: 'adds and removes a function within one callback',
    outcome: 'an empty bus',
  },
  {
    bug: 'transaction ids as pointers',
    cause: 'forged-transaction',
    host: 'forges and repeats completions',
    outcome: 'they are ignored',
  },
  {
    bug: 'packets trusted for their length',
    cause: 'short-packet',
    host: 'sends pieces of packets',
    outcome: 'they are ignored; a vector without a token is dead',
  },
];
