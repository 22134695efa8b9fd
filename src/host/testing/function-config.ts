import {
  CapabilityId,
  ExpressPortType,
  ExtendedCapabilityId,
  acsIsolation,
  writeU16,
  writeU32,
} from '../../pci/index.ts';
import type { ExpressKind, FunctionDescription } from './description.ts';

/** A configuration space with the capabilities that a description names, and nothing else that matters. */
export function functionConfig(fn: FunctionDescription): Uint8Array {
  const config = new Uint8Array(fn.conventional === true ? 256 : 4096);
  if (fn.gone === true) return config.fill(0xff);
  const [vendor = '1b36', device = '0010'] = (fn.ids ?? '1b36:0010').split(':');
  writeU16(config, 0x00, Number.parseInt(vendor, 16));
  writeU16(config, 0x02, Number.parseInt(device, 16));
  config[0x3d] = fn.interruptPin ?? 1;
  let offset = 0x40;
  let pointer = 0x34;
  function add(id: number, sizeBytes: number, fill: (at: number) => void): void {
    config[0x06] = 0x10;
    config[pointer] = offset;
    config[offset] = id;
    fill(offset);
    pointer = offset + 1;
    offset += sizeBytes;
  }
  if (fn.conventional !== true) {
    add(CapabilityId.pciExpress, 0x3c, (at) => writeU16(config, at + 2, (ExpressPortType[kindOf(fn)] << 4) | 2));
  }
  if ((fn.msi ?? 0) > 0) {
    add(CapabilityId.msi, 0x18, (at) => writeU16(config, at + 2, 0x80 | (Math.log2(fn.msi ?? 1) << 1)));
  }
  if ((fn.msix ?? 16) > 0) {
    add(CapabilityId.msix, 0x0c, (at) => {
      writeU16(config, at + 2, (fn.msix ?? 16) - 1);
      config[at + 5] = 0x20;
      config[at + 9] = 0x30;
    });
  }
  addExtended(config, fn);
  return config;
}

function kindOf(fn: FunctionDescription): ExpressKind {
  return fn.kind ?? (fn.class?.startsWith('0604') === true ? 'rootPort' : 'endpoint');
}

function addExtended(config: Uint8Array, fn: FunctionDescription): void {
  if (config.length <= 256) return;
  const ids = [
    ...(fn.aer === true ? [ExtendedCapabilityId.advancedErrorReporting] : []),
    ...(fn.acs === undefined ? [] : [ExtendedCapabilityId.accessControlServices]),
    // A serial number, as network cards make theirs from their MAC address.
    ...(fn.interfaces === undefined ? [] : [ExtendedCapabilityId.deviceSerialNumber]),
  ];
  for (const [index, id] of ids.entries()) {
    const at = 0x100 + index * 0x48;
    const next = index + 1 < ids.length ? at + 0x48 : 0;
    writeU32(config, at, ((next << 20) | 0x1_0000 | id) >>> 0);
    if (id === ExtendedCapabilityId.accessControlServices) {
      writeU16(config, at + 4, 0x5f);
      writeU16(config, at + 6, fn.acs === 'on' ? acsIsolation : 0);
    }
    if (id === ExtendedCapabilityId.deviceSerialNumber) config.fill(0xa5, at + 4, at + 12);
  }
}
