import { PowerPort, RESET_VALUE, RTC_CENTURY_REGISTER } from '../../devices/index.ts';
import { type AcpiTable, HEADER_BYTES, makeTable } from './table.ts';

/** ACPI 6.5 section 5.2.9, Fixed ACPI Description Table: offsets in the table. */
const Fadt = {
  dsdt: 40,
  sciInterrupt: 46,
  century: 108,
  bootFlags: 109,
  flags: 112,
  resetRegister: 116,
  resetValue: 128,
  minorVersion: 131,
  dsdt64: 140,
  sleepControlRegister: 244,
  sleepStatusRegister: 256,
} as const;
const FADT_BYTES = 276;
const FADT_REVISION = 6;
const FADT_MINOR_VERSION = 5;
/** Unused in hardware-reduced mode; PCs have it here. */
const SCI_INTERRUPT = 9;

/**
 * IA-PC boot architecture flags (section 5.2.9.3). "MSI not supported" (bit 3) must stay clear, or Linux refuses MSI to every
 * device; clear bits 0 and 1 say that there are no ISA devices to look for and no 8042.
 */
const BootFlag = { noVga: 1 << 2, noCmosRtc: 1 << 5 } as const;

/** Fixed feature flags (section 5.2.9, table 5.10). */
const FeatureFlag = {
  wbinvd: 1 << 0,
  powerButtonIsNoFixedFeature: 1 << 4,
  sleepButtonIsNoFixedFeature: 1 << 5,
  resetRegister: 1 << 10,
  hardwareReduced: 1 << 20,
} as const;

/** Generic Address Structure (section 5.2.3.2): one byte in I/O space. */
const ADDRESS_SPACE_IO = 1;
const ACCESS_BYTE = 1;
const REGISTER_BITS = 8;

/** A hardware-reduced machine: no SCI, no PM timer, no PIC, no PIT; sleep and reset by one byte to an I/O port. */
export function makeFadt(options: { readonly dsdtGpa: number; readonly hasRtc: boolean }): AcpiTable {
  const body = new Uint8Array(FADT_BYTES - HEADER_BYTES);
  const view = new DataView(body.buffer);
  const u8 = (offset: number, value: number): void => view.setUint8(offset - HEADER_BYTES, value);
  const u16 = (offset: number, value: number): void => view.setUint16(offset - HEADER_BYTES, value, true);
  const u32 = (offset: number, value: number): void => view.setUint32(offset - HEADER_BYTES, value, true);
  const u64 = (offset: number, value: number): void => view.setBigUint64(offset - HEADER_BYTES, BigInt(value), true);
  const ioByte = (offset: number, port: number): void => {
    u8(offset, ADDRESS_SPACE_IO);
    u8(offset + 1, REGISTER_BITS);
    u8(offset + 3, ACCESS_BYTE);
    u64(offset + 4, port);
  };
  u32(Fadt.dsdt, options.dsdtGpa);
  u64(Fadt.dsdt64, options.dsdtGpa);
  u16(Fadt.sciInterrupt, SCI_INTERRUPT);
  u8(Fadt.century, options.hasRtc ? RTC_CENTURY_REGISTER : 0);
  u16(Fadt.bootFlags, BootFlag.noVga | (options.hasRtc ? 0 : BootFlag.noCmosRtc));
  u32(
    Fadt.flags,
    FeatureFlag.wbinvd |
      FeatureFlag.powerButtonIsNoFixedFeature |
      FeatureFlag.sleepButtonIsNoFixedFeature |
      FeatureFlag.resetRegister |
      FeatureFlag.hardwareReduced,
  );
  ioByte(Fadt.resetRegister, PowerPort.reset);
  u8(Fadt.resetValue, RESET_VALUE);
  u8(Fadt.minorVersion, FADT_MINOR_VERSION);
  ioByte(Fadt.sleepControlRegister, PowerPort.sleepControl);
  ioByte(Fadt.sleepStatusRegister, PowerPort.sleepStatus);
  return makeTable('FACP', FADT_REVISION, body);
}
