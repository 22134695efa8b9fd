import { readU8, readU16 } from './config-bytes.ts';
import { HeaderRegister, headerLayoutMask, headerMultiFunction } from './registers.ts';

/** The part of a function's header that names it and doesn't change while it runs. */
export interface ConfigHeader {
  readonly vendorId: number;
  readonly deviceId: number;
  readonly revisionId: number;
  readonly programmingInterface: number;
  readonly subClass: number;
  readonly baseClass: number;
  /** 0 endpoint, 1 bridge, 2 CardBus. */
  readonly layout: number;
  readonly multiFunction: boolean;
  /** Only endpoints have these two here; 0 for the other layouts. */
  readonly subsystemVendorId: number;
  readonly subsystemId: number;
  /** 0 = none, 1 = INTA … 4 = INTD. */
  readonly interruptPin: number;
}

/** Decodes the first 64 bytes of configuration space. Undefined when there are fewer, or no function answers (all ones). */
export function decodeHeader(config: Uint8Array): ConfigHeader | undefined {
  const vendorId = readU16(config, HeaderRegister.vendorId);
  if (config.length < 64 || vendorId === 0xffff) return undefined;
  const headerType = readU8(config, HeaderRegister.headerType);
  const layout = headerType & headerLayoutMask;
  return {
    vendorId,
    deviceId: readU16(config, HeaderRegister.deviceId),
    revisionId: readU8(config, HeaderRegister.revisionId),
    programmingInterface: readU8(config, HeaderRegister.programmingInterface),
    subClass: readU8(config, HeaderRegister.subClass),
    baseClass: readU8(config, HeaderRegister.baseClass),
    layout,
    multiFunction: (headerType & headerMultiFunction) !== 0,
    subsystemVendorId: layout === 0 ? readU16(config, HeaderRegister.subsystemVendorId) : 0,
    subsystemId: layout === 0 ? readU16(config, HeaderRegister.subsystemId) : 0,
    interruptPin: readU8(config, HeaderRegister.interruptPin),
  };
}
