import { BootError, BootErrorCode } from './boot-error.ts';

/** File offsets of the setup header's fields (Linux Documentation/x86/boot.rst, "The Real-Mode Kernel Header"). */
const Setup = {
  setupSectors: 0x1f1,
  bootFlag: 0x1fe,
  jumpOffset: 0x201,
  magic: 0x202,
  version: 0x206,
  kernelVersion: 0x20e,
  loadFlags: 0x211,
  initrdAddressMax: 0x22c,
  kernelAlignment: 0x230,
  extendedLoadFlags: 0x236,
  commandLineSize: 0x238,
  payloadOffset: 0x248,
  payloadLength: 0x24c,
  preferredAddress: 0x258,
  initSize: 0x260,
} as const;

const BOOT_FLAG = 0xaa55;
/** "HdrS". */
const MAGIC = 0x53726448;
/** 2.12, the first version that tells of a 64-bit entry. */
const OLDEST_VERSION = 0x020c;
const HEADER_START = Setup.setupSectors;
const HEADER_END_BASE = 0x202;
/** The header ends behind init_size at the earliest, and before the e820 table of the boot parameters. */
const HEADER_END_MIN = Setup.initSize + 4;
const HEADER_END_MAX = 0x290;
const SECTOR_BYTES = 512;
const LOAD_FLAG_LOADED_HIGH = 0x01;
const EXTENDED_FLAG_64_BIT_ENTRY = 0x01;
const VERSION_TEXT_MAX_BYTES = 256;

/** A Linux kernel image, checked: it starts at its 64-bit entry. The byte arrays are views of the file, not copies. */
export interface BzImage {
  readonly kind: 'bzimage';
  /** The file from 0x1F1 to the end of the setup header, as the boot parameters want it. */
  readonly setupHeader: Uint8Array;
  /** The protected-mode part, to be loaded at {@link preferredAddress}. Its 64-bit entry is 0x200 bytes in. */
  readonly payload: Uint8Array;
  /** The compressed vmlinux inside {@link payload}. Its last 4 bytes are the unpacked size (except in gzip, where they are too). */
  readonly compressedVmlinux: Uint8Array;
  readonly preferredAddress: number;
  /** RAM that the kernel needs from {@link preferredAddress} on before it can read its memory map. */
  readonly initSizeBytes: number;
  /** The last address that an initramfs may use. */
  readonly initrdAddressMax: number;
  /** Longest command line, without the NUL. */
  readonly commandLineMaxBytes: number;
  /** Boot protocol, 0x020F = 2.15. */
  readonly protocolVersion: number;
  /** As the image tells it, `6.1.0-56-amd64 (…) #1 SMP …`; the first word is what `uname -r` will say. Empty if it tells none. */
  readonly version: string;
}

/**
 * Reads a bzImage.
 *
 * @throws BootError `kernel-not-bzimage`, `kernel-too-old` (before protocol 2.12, or no 64-bit entry) or `kernel-truncated`.
 */
export function parseBzImage(file: Uint8Array): BzImage {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (
    file.length < HEADER_END_MIN ||
    view.getUint16(Setup.bootFlag, true) !== BOOT_FLAG ||
    view.getUint32(Setup.magic, true) !== MAGIC
  ) {
    throw new BootError(
      BootErrorCode.kernelNotBzImage,
      'The kernel file is not a Linux bzImage: it has no setup header. Name a vmlinuz file for x86-64, such as /boot/vmlinuz-$(uname -r).',
    );
  }
  const protocolVersion = view.getUint16(Setup.version, true);
  if (protocolVersion < OLDEST_VERSION) {
    throw new BootError(
      BootErrorCode.kernelTooOld,
      `The kernel speaks boot protocol ${protocolVersion >> 8}.${protocolVersion & 0xff}; 2.12 (Linux 3.8) or newer is needed. Use a newer kernel.`,
    );
  }
  if ((view.getUint16(Setup.extendedLoadFlags, true) & EXTENDED_FLAG_64_BIT_ENTRY) === 0) {
    throw new BootError(
      BootErrorCode.kernelTooOld,
      'The kernel has no 64-bit entry point: it is a 32-bit kernel. Use one built for x86-64.',
    );
  }
  const headerEnd = HEADER_END_BASE + view.getUint8(Setup.jumpOffset);
  const preferredAddress = view.getBigUint64(Setup.preferredAddress, true);
  const isLoadedHigh = (view.getUint8(Setup.loadFlags) & LOAD_FLAG_LOADED_HIGH) !== 0;
  if (
    headerEnd < HEADER_END_MIN ||
    headerEnd > HEADER_END_MAX ||
    !isLoadedHigh ||
    preferredAddress < 0x100000n ||
    preferredAddress > 0xffffffffn
  ) {
    throw new BootError(
      BootErrorCode.kernelNotBzImage,
      'The kernel file has a setup header that no bzImage has (its length or load address is out of bounds). Name an unharmed vmlinuz file.',
    );
  }

  const setupBytes = ((view.getUint8(Setup.setupSectors) || 4) + 1) * SECTOR_BYTES;
  const payloadOffset = view.getUint32(Setup.payloadOffset, true);
  const payloadLength = view.getUint32(Setup.payloadLength, true);
  const needed = setupBytes + payloadOffset + payloadLength;
  if (setupBytes < headerEnd || payloadLength === 0 || needed > file.length) {
    throw new BootError(
      BootErrorCode.kernelTruncated,
      `The kernel file ends too early: its header speaks of ${needed} bytes, ${file.length} are there. Copy it again.`,
    );
  }
  const payload = file.subarray(setupBytes);
  return {
    kind: 'bzimage',
    setupHeader: file.subarray(HEADER_START, headerEnd),
    payload,
    compressedVmlinux: payload.subarray(payloadOffset, payloadOffset + payloadLength),
    preferredAddress: Number(preferredAddress),
    initSizeBytes: Math.max(view.getUint32(Setup.initSize, true), payload.length),
    initrdAddressMax: view.getUint32(Setup.initrdAddressMax, true),
    commandLineMaxBytes: view.getUint32(Setup.commandLineSize, true),
    protocolVersion,
    version: versionText(file, view.getUint16(Setup.kernelVersion, true), setupBytes),
  };
}

/** The text that `kernel_version` points at: NUL-terminated, 0x200 bytes less far into the file than it says. */
function versionText(file: Uint8Array, pointer: number, setupBytes: number): string {
  if (pointer === 0 || pointer + SECTOR_BYTES >= setupBytes) return '';
  const area = file.subarray(
    pointer + SECTOR_BYTES,
    Math.min(pointer + SECTOR_BYTES + VERSION_TEXT_MAX_BYTES, setupBytes),
  );
  const end = area.indexOf(0);
  const text = Buffer.from(end < 0 ? area : area.subarray(0, end)).toString('latin1');
  return text.replace(/[^\x20-\x7e]/g, '?');
}
