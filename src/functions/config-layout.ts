import {
  CapabilityId,
  HeaderRegister,
  PowerControlBit,
  PowerRegister,
  barSizingMask,
  configSpaceBytes,
  decodeMsiCapability,
  decodeMsixCapability,
  extendedCapabilities,
  extendedConfigSpaceBytes,
  readU8,
  standardCapabilities,
  writeU32,
} from '../pci/index.ts';
import type { BarSizingMask, MsiCapability, MsixCapability } from '../pci/index.ts';
import { extendedList, linkExtended, linkStandard, placeCapabilities, standardList } from './capability-placement.ts';
import { headerRules } from './config-policy-header.ts';
import type { RegisterRule } from './config-policy.ts';
import type { BarShape } from './function.ts';

/** The guest's view of one function's configuration space, compiled from its captured bytes by the policy. */
export interface ConfigLayout {
  /** 4096 bytes: what the guest reads after a reset. */
  readonly initial: Uint8Array;
  /** 4096 bytes: bits that the guest's writes change. */
  readonly writable: Uint8Array;
  /** 4096 bytes: bits that do something when 1 is written. */
  readonly acting: Uint8Array;
  readonly bars: readonly { readonly shape: BarShape; readonly mask: BarSizingMask }[];
  /** Offsets of the capabilities that have behaviour; undefined where they aren't shown. */
  readonly powerManagement: number | undefined;
  readonly express: number | undefined;
  readonly advancedFeatures: number | undefined;
  readonly msi: MsiCapability | undefined;
  readonly msix: MsixCapability | undefined;
}

/**
 * `captured`: 256 or 4096 bytes read from the function. `bars`: the memory BARs as the guest shall see them; a BAR that
 * isn't listed reads 0.
 */
export function compileConfigLayout(captured: Uint8Array, bars: readonly BarShape[]): ConfigLayout {
  const initial = new Uint8Array(extendedConfigSpaceBytes);
  const writable = new Uint8Array(extendedConfigSpaceBytes);
  const acting = new Uint8Array(extendedConfigSpaceBytes);

  function apply(rule: RegisterRule, base: number, end: number): void {
    for (let i = 0; i < rule.sizeBytes; i += 1) {
      const offset = base + rule.offset + i;
      if (offset >= end) return;
      const bits = (mask: number | undefined): number => (i < 4 ? ((mask ?? 0) >>> (8 * i)) & 0xff : 0);
      const shown = rule.shown === 'all' ? 0xff : bits(rule.shown);
      const changeable = bits(rule.kept) | bits(rule.passedOn);
      initial[offset] = readU8(captured, offset) & (shown | bits(rule.passedOn));
      writable[offset] = changeable;
      acting[offset] = bits(rule.acts);
    }
  }

  for (const rule of headerRules) apply(rule, 0, 64);
  // After a reset no function masters the bus; the captured bit may stem from the host's driver.
  initial[HeaderRegister.command] = 0;

  const placedBars = bars.map((shape) => ({ shape, mask: barSizingMask(shape, shape.sizeBytes) }));
  for (const { shape, mask } of placedBars) placeBar(initial, writable, shape, mask);

  const decodedMsi = decodeMsiCapability(captured);
  const decodedMsix = decodeMsixCapability(captured);
  const fittingMsix = decodedMsix !== undefined && msixFitsBars(decodedMsix, bars) ? decodedMsix : undefined;

  const found = standardCapabilities(captured).capabilities.filter(
    ({ id }) =>
      (id !== CapabilityId.msi || decodedMsi !== undefined) && (id !== CapabilityId.msix || fittingMsix !== undefined),
  );
  const standard = placeCapabilities(captured, found, standardList);
  for (const { rule, offset, sizeBytes } of standard) {
    for (const register of rule.registers) apply(register, offset, offset + sizeBytes);
  }
  linkStandard(initial, standard);
  const offsetOf = (id: number): number | undefined => standard.find(({ rule }) => rule.id === id)?.offset;

  const msi = offsetOf(CapabilityId.msi) === undefined ? undefined : decodedMsi;
  if (msi !== undefined) placeMsi(writable, msi);
  const powerManagement = offsetOf(CapabilityId.powerManagement);
  if (powerManagement !== undefined) {
    const control = powerManagement + PowerRegister.control;
    // After a reset a function is in D0, whatever the host had it in.
    initial[control] = readU8(initial, control) & ~PowerControlBit.stateMask;
  }

  if (captured.length > configSpaceBytes) {
    const extended = placeCapabilities(captured, extendedCapabilities(captured).capabilities, extendedList);
    for (const { rule, offset, sizeBytes } of extended) {
      for (const register of rule.registers) apply(register, offset, offset + sizeBytes);
    }
    linkExtended(initial, captured, extended);
  } else {
    // A function of conventional PCI has no extended space: nobody answers there.
    initial.fill(0xff, configSpaceBytes);
  }

  return {
    initial,
    writable,
    acting,
    bars: placedBars,
    powerManagement,
    express: offsetOf(CapabilityId.pciExpress),
    advancedFeatures: offsetOf(CapabilityId.advancedFeatures),
    msi,
    msix: offsetOf(CapabilityId.msix) === undefined ? undefined : fittingMsix,
  };
}

function placeBar(initial: Uint8Array, writable: Uint8Array, shape: BarShape, mask: BarSizingMask): void {
  const offset = HeaderRegister.bar0 + 4 * shape.index;
  writeU32(initial, offset, mask.low & 0xf);
  writeU32(writable, offset, (mask.low & ~0xf) >>> 0);
  if (mask.high !== undefined) writeU32(writable, offset + 4, mask.high);
}

function placeMsi(writable: Uint8Array, msi: MsiCapability): void {
  writeU32(writable, msi.addressLowOffset, 0xffff_fffc);
  if (msi.addressHighOffset !== undefined) writeU32(writable, msi.addressHighOffset, 0xffff_ffff);
  writable[msi.dataOffset] = 0xff;
  writable[msi.dataOffset + 1] = 0xff;
  if (msi.maskOffset !== undefined) writeU32(writable, msi.maskOffset, 2 ** msi.vectorCount - 1);
}

function msixFitsBars(msix: MsixCapability, bars: readonly BarShape[]): boolean {
  return [msix.table, msix.pendingBits].every((part) => {
    const bar = bars.find((candidate) => candidate.index === part.barIndex);
    return bar !== undefined && part.offsetBytes + part.sizeBytes <= bar.sizeBytes;
  });
}
