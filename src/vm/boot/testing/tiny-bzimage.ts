/** A bzImage of a few sectors, for tests: everything a loader reads, and no code (Linux Documentation/x86/boot.rst). */

const SETUP_SECTORS = 4;
const SETUP_BYTES = (SETUP_SECTORS + 1) * 512;
const PAYLOAD_OFFSET = 0x300;
export const TINY_VERSION = '6.1.0-tiny (me@here) #1 SMP';

export interface TinyBzImageOptions {
  readonly version?: number;
  readonly extendedLoadFlags?: number;
  readonly preferredAddress?: number;
  readonly initSizeBytes?: number;
  readonly commandLineMaxBytes?: number;
  readonly initrdAddressMax?: number;
  /** What stands for the compressed kernel, its unpacked size at the end included. */
  readonly compressed?: Uint8Array;
}

export function tinyBzImage(options: TinyBzImageOptions = {}): Buffer {
  const compressed = options.compressed ?? Buffer.from('compressed kernel');
  const file = Buffer.alloc(SETUP_BYTES + PAYLOAD_OFFSET + compressed.length + 8, 0xcc);
  file.fill(0, 0, SETUP_BYTES);
  file.writeUInt8(SETUP_SECTORS, 0x1f1);
  file.writeUInt16LE(0xaa55, 0x1fe);
  file.writeUInt16LE(0x6aeb, 0x200);
  file.write('HdrS', 0x202, 'latin1');
  file.writeUInt16LE(options.version ?? 0x020f, 0x206);
  file.writeUInt16LE(0x300 - 0x200, 0x20e);
  file.write(`${TINY_VERSION}\0`, 0x300, 'latin1');
  file.writeUInt8(1, 0x211);
  file.writeUInt32LE(options.initrdAddressMax ?? 0x7fffffff, 0x22c);
  file.writeUInt32LE(0x200000, 0x230);
  file.writeUInt8(1, 0x234);
  file.writeUInt16LE(options.extendedLoadFlags ?? 0x7f, 0x236);
  file.writeUInt32LE(options.commandLineMaxBytes ?? 2047, 0x238);
  file.writeUInt32LE(PAYLOAD_OFFSET, 0x248);
  file.writeUInt32LE(compressed.length, 0x24c);
  file.writeBigUInt64LE(BigInt(options.preferredAddress ?? 0x1000000), 0x258);
  file.writeUInt32LE(options.initSizeBytes ?? 0x200000, 0x260);
  file.set(compressed, SETUP_BYTES + PAYLOAD_OFFSET);
  return file;
}
