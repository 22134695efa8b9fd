import type { E820Entry } from './guest-map.ts';

/** Offsets in the boot parameters, "zero page" (Linux Documentation/x86/zero-page.rst; boot.rst for the setup header). */
const BootParam = {
  acpiRsdpAddress: 0x070,
  extRamdiskImage: 0x0c0,
  extRamdiskSize: 0x0c4,
  extCommandLinePointer: 0x0c8,
  e820Count: 0x1e8,
  setupHeader: 0x1f1,
  bootFlag: 0x1fe,
  magic: 0x202,
  version: 0x206,
  typeOfLoader: 0x210,
  loadFlags: 0x211,
  ramdiskImage: 0x218,
  ramdiskSize: 0x21c,
  commandLinePointer: 0x228,
  setupData: 0x250,
  e820Table: 0x2d0,
  sizeBytes: 4096,
} as const;
const E820_ENTRY_BYTES = 20;
const LOADER_UNDEFINED = 0xff;

/** A setup header for a kernel that comes without one, an uncompressed vmlinux: just enough to be taken for valid. */
export function bareSetupHeader(): Uint8Array {
  const header = new Uint8Array(BootParam.loadFlags + 1 - BootParam.setupHeader);
  const view = new DataView(header.buffer);
  view.setUint16(BootParam.bootFlag - BootParam.setupHeader, 0xaa55, true);
  view.setUint32(BootParam.magic - BootParam.setupHeader, 0x53726448, true);
  view.setUint16(BootParam.version - BootParam.setupHeader, 0x020f, true);
  view.setUint8(BootParam.loadFlags - BootParam.setupHeader, 0x01);
  return header;
}

/**
 * The page of boot parameters. It starts out zeroed and takes nothing but the setup header from the kernel's file, which
 * is how the kernel tells a loader that knows what it does (its `sentinel` stays 0).
 */
export function makeBootParams(options: {
  readonly setupHeader: Uint8Array;
  readonly e820: readonly E820Entry[];
  readonly rsdpGpa: number;
  readonly commandLineGpa: number;
  readonly initrd: { readonly gpa: number; readonly sizeBytes: number } | undefined;
}): Uint8Array {
  const bytes = new Uint8Array(BootParam.sizeBytes);
  const view = new DataView(bytes.buffer);
  const split = (lowAt: number, highAt: number, value: number): void => {
    view.setUint32(lowAt, value % 2 ** 32, true);
    view.setUint32(highAt, Math.floor(value / 2 ** 32), true);
  };
  bytes.set(options.setupHeader, BootParam.setupHeader);
  view.setBigUint64(BootParam.acpiRsdpAddress, BigInt(options.rsdpGpa), true);
  view.setUint8(BootParam.typeOfLoader, LOADER_UNDEFINED);
  view.setBigUint64(BootParam.setupData, 0n, true);
  split(BootParam.ramdiskImage, BootParam.extRamdiskImage, options.initrd?.gpa ?? 0);
  split(BootParam.ramdiskSize, BootParam.extRamdiskSize, options.initrd?.sizeBytes ?? 0);
  split(BootParam.commandLinePointer, BootParam.extCommandLinePointer, options.commandLineGpa);
  view.setUint8(BootParam.e820Count, options.e820.length);
  options.e820.forEach((entry, index) => {
    const at = BootParam.e820Table + index * E820_ENTRY_BYTES;
    view.setBigUint64(at, BigInt(entry.gpa), true);
    view.setBigUint64(at + 8, BigInt(entry.sizeBytes), true);
    view.setUint32(at + 16, entry.type, true);
  });
  return bytes;
}
