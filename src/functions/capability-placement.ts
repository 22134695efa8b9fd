import {
  CapabilityId,
  ExtendedCapabilityId,
  HeaderRegister,
  StatusBit,
  configSpaceBytes,
  decodeExpressCapability,
  decodeMsiCapability,
  extendedConfigSpaceBytes,
  readU16,
  readU32,
  readU8,
  writeU32,
} from '../pci/index.ts';
import type { Capability } from '../pci/index.ts';
import { extendedCapabilityRules } from './config-policy-extended.ts';
import { standardCapabilityRules } from './config-policy-standard.ts';
import type { CapabilityRule, ShownCapability } from './config-policy.ts';

/** A capability that the guest sees, and where. */
export interface PlacedCapability {
  readonly rule: ShownCapability;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** One of the two capability lists: its rules, how long its capabilities are, where its space ends. */
export interface CapabilityList {
  readonly rules: readonly CapabilityRule[];
  readonly sizeOf: (captured: Uint8Array, id: number, offset: number) => CapabilitySize;
  readonly endBytes: number;
}

/** Which of the found capabilities are shown, and how far each reaches: never into the next one. */
export function placeCapabilities(
  captured: Uint8Array,
  found: readonly Capability[],
  list: CapabilityList,
): PlacedCapability[] {
  const starts = found.map((capability) => capability.offset);
  const placed: PlacedCapability[] = [];
  for (const { id, offset } of found) {
    const rule = list.rules.find((candidate) => candidate.id === id);
    if (rule?.visibility !== 'shown') continue;
    if (rule.repeats !== true && placed.some((other) => other.rule === rule)) continue;
    const room = Math.min(list.endBytes, ...starts.filter((start) => start > offset)) - offset;
    const size = list.sizeOf(captured, id, offset);
    if (room < size.leastBytes) continue;
    placed.push({ rule, offset, sizeBytes: Math.min(size.sizeBytes, room) });
  }
  return placed;
}

/** How long a shown capability is, and with how little of it it still makes sense. */
export interface CapabilitySize {
  readonly sizeBytes: number;
  readonly leastBytes: number;
}

function standardSize(captured: Uint8Array, id: number, offset: number): CapabilitySize {
  const fixed = (sizeBytes: number): CapabilitySize => ({ sizeBytes, leastBytes: sizeBytes });
  switch (id) {
    case CapabilityId.powerManagement:
      return fixed(8);
    case CapabilityId.msi:
      return fixed(decodeMsiCapability(captured)?.sizeBytes ?? 10);
    case CapabilityId.msix:
      return fixed(12);
    case CapabilityId.advancedFeatures:
      return fixed(6);
    case CapabilityId.pciExpress:
      // Version 1 ends with the link registers, or before them for functions without a link.
      return {
        sizeBytes: readU16(captured, offset + 2) % 16 >= 2 ? 60 : decodeExpressCapability(captured)?.link ? 20 : 12,
        leastBytes: 12,
      };
    default:
      return { sizeBytes: Math.max(3, readU8(captured, offset + 2)), leastBytes: 3 };
  }
}

function extendedSize(captured: Uint8Array, id: number, offset: number): CapabilitySize {
  if (id === ExtendedCapabilityId.deviceSerialNumber) return { sizeBytes: 12, leastBytes: 12 };
  return { sizeBytes: Math.max(8, readU32(captured, offset + 4) >>> 20), leastBytes: 8 };
}

export const standardList: CapabilityList = {
  rules: standardCapabilityRules,
  sizeOf: standardSize,
  endBytes: configSpaceBytes,
};

export const extendedList: CapabilityList = {
  rules: extendedCapabilityRules,
  sizeOf: extendedSize,
  endBytes: extendedConfigSpaceBytes,
};

export function linkStandard(initial: Uint8Array, placed: readonly PlacedCapability[]): void {
  if (placed.length === 0) return;
  initial[HeaderRegister.status] = readU8(initial, HeaderRegister.status) | StatusBit.capabilityList;
  initial[HeaderRegister.capabilityPointer] = placed[0]?.offset ?? 0;
  placed.forEach(({ rule, offset }, i) => {
    initial[offset] = rule.id;
    initial[offset + 1] = placed[i + 1]?.offset ?? 0;
  });
}

/** The list must start at 0x100: where that capability is hidden, a null capability (id 0) leads to the first shown one. */
export function linkExtended(initial: Uint8Array, captured: Uint8Array, placed: readonly PlacedCapability[]): void {
  const first = placed[0];
  if (first === undefined) return;
  if (first.offset !== configSpaceBytes) writeU32(initial, configSpaceBytes, (first.offset << 20) >>> 0);
  placed.forEach(({ rule, offset }, i) => {
    const version = (readU32(captured, offset) >>> 16) & 0xf;
    const next = placed[i + 1]?.offset ?? 0;
    writeU32(initial, offset, ((next << 20) | (version << 16) | rule.id) >>> 0);
  });
}
