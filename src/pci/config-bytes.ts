/**
 * Little-endian reads of a captured configuration space. What lies beyond the captured bytes reads all ones, as a
 * function that isn't there does.
 */
export function readU8(config: Uint8Array, offset: number): number {
  return config[offset] ?? 0xff;
}

export function readU16(config: Uint8Array, offset: number): number {
  return readU8(config, offset) | (readU8(config, offset + 1) << 8);
}

export function readU32(config: Uint8Array, offset: number): number {
  return (readU16(config, offset) | (readU16(config, offset + 2) << 16)) >>> 0;
}

export function writeU16(config: Uint8Array, offset: number, value: number): void {
  config[offset] = value & 0xff;
  config[offset + 1] = (value >>> 8) & 0xff;
}

export function writeU32(config: Uint8Array, offset: number, value: number): void {
  writeU16(config, offset, value & 0xffff);
  writeU16(config, offset + 2, value >>> 16);
}
