import { CommandBit, HeaderRegister, StatusBit } from '../pci/index.ts';
import type { RegisterRule } from './config-policy.ts';

/** 66 MHz, fast back-to-back, DEVSEL timing: fixed properties of the function. */
const statusTimingBits = 0x06a0;

/** The 64 bytes every function has. */
export const headerRules: readonly RegisterRule[] = [
  {
    register: 'Vendor ID',
    offset: HeaderRegister.vendorId,
    sizeBytes: 2,
    shown: 0xffff,
    reason: "Picks the guest's driver.",
  },
  {
    register: 'Device ID',
    offset: HeaderRegister.deviceId,
    sizeBytes: 2,
    shown: 0xffff,
    reason: "Picks the guest's driver.",
  },
  {
    register: 'Command',
    offset: HeaderRegister.command,
    sizeBytes: 2,
    kept: CommandBit.memorySpace | CommandBit.parityErrorResponse | CommandBit.serrEnable | CommandBit.interruptDisable,
    passedOn: CommandBit.busMaster,
    emulated: 'Memory space and the power state decide whether the guest reaches the BARs.',
    reason:
      "Memory space maps and unmaps the BARs in the guest; the function itself goes on decoding, or the guest's mapping would fault. " +
      'Bus master reaches the function: it is how a driver stops DMA. Error responses stay with the host. I/O space is never ' +
      'offered. There is no INTx to disable, but drivers expect the bit to stick.',
  },
  {
    register: 'Status',
    offset: HeaderRegister.status,
    sizeBytes: 2,
    shown: statusTimingBits,
    emulated: `The capability list bit (${hex(StatusBit.capabilityList)}) is set when any capability is shown.`,
    reason:
      'Error bits belong to the host, which clears and reports them; interrupt status has no meaning without INTx. Read-only.',
  },
  {
    register: 'Revision ID, class code',
    offset: HeaderRegister.revisionId,
    sizeBytes: 4,
    shown: 0xffff_ffff,
    reason: "Picks the guest's driver.",
  },
  {
    register: 'Cache Line Size',
    offset: HeaderRegister.cacheLineSize,
    sizeBytes: 1,
    kept: 0xff,
    reason: 'PCI Express functions ignore it, yet systems write it and read it back.',
  },
  {
    register: 'Latency Timer',
    offset: HeaderRegister.latencyTimer,
    sizeBytes: 1,
    reason: 'A property of the bus, which the guest does not have.',
  },
  {
    register: 'Header Type',
    offset: HeaderRegister.headerType,
    sizeBytes: 1,
    shown: 0x7f,
    reason: 'The multi-function bit is cleared: the function is alone on its bus in the guest.',
  },
  {
    register: 'BIST',
    offset: HeaderRegister.bist,
    sizeBytes: 1,
    reason: "A self-test takes up to two seconds and its effects are the vendor's affair.",
  },
  {
    register: 'BAR 0 to 5',
    offset: HeaderRegister.bar0,
    sizeBytes: 24,
    emulated:
      'Memory BARs hold the address the guest writes and answer sizing reads (all ones written). I/O BARs read 0. ' +
      'BARs below 4 KiB are shown as 4 KiB.',
    reason:
      "The guest's addresses are guest-physical; the function's own never change. A page is the least that can be kept apart from " +
      'other functions. An address is acted on only while memory space is on, and never the pattern of a sizing write.',
  },
  {
    register: 'CardBus CIS Pointer',
    offset: HeaderRegister.cardbusCis,
    sizeBytes: 4,
    reason: 'Points into memory that is not shown.',
  },
  {
    register: 'Subsystem Vendor ID, Subsystem ID',
    offset: HeaderRegister.subsystemVendorId,
    sizeBytes: 4,
    shown: 0xffff_ffff,
    reason: 'Drivers tell boards apart by it.',
  },
  {
    register: 'Expansion ROM BAR',
    offset: HeaderRegister.romBar,
    sizeBytes: 4,
    reason: 'Guests boot from no option ROM; on some functions reading it stops the other BARs from answering.',
  },
  {
    register: 'Capabilities Pointer',
    offset: HeaderRegister.capabilityPointer,
    sizeBytes: 1,
    emulated: 'Leads to the first capability that is shown.',
    reason: 'The list is linked anew without the hidden ones.',
  },
  {
    register: 'Interrupt Line',
    offset: HeaderRegister.interruptLine,
    sizeBytes: 1,
    kept: 0xff,
    reason: 'A note that system software leaves for itself.',
  },
  {
    register: 'Interrupt Pin',
    offset: HeaderRegister.interruptPin,
    sizeBytes: 1,
    reason: 'Reads 0: INTx is level-triggered and shared between functions, so one guest could hold up another.',
  },
  {
    register: 'Min_Gnt, Max_Lat',
    offset: HeaderRegister.minGrant,
    sizeBytes: 2,
    reason: 'Properties of the bus, which the guest does not have.',
  },
];

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
