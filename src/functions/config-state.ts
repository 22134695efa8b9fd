import {
  CommandBit,
  DeviceControlBit,
  ExpressRegister,
  HeaderRegister,
  MsiControlBit,
  MsiRegister,
  MsixControlBit,
  MsixRegister,
  PowerControlBit,
  PowerRegister,
  PowerState,
  readU16,
  readU32,
} from '../pci/index.ts';
import type { BarSizingMask, MsiCapability } from '../pci/index.ts';
import type { ConfigLayout } from './config-layout.ts';
import type { BarShape } from './function.ts';
import type { MsiState } from './msi.ts';

/** What the registers of a view amount to. Equal states need nothing done. */
export interface ConfigState {
  /** By BAR index: the guest-physical address at which the guest reaches the BAR, undefined while it doesn't. */
  readonly barGpas: ReadonlyMap<number, number | undefined>;
  readonly busMaster: boolean;
  readonly powerState: 0 | 3;
  /** The bits of Device Control that are passed on. */
  readonly deviceControl: number;
  /** Disabled where there is no such capability. */
  readonly msi: MsiState;
  readonly msix: MsixControl;
}

/** What MSI-X message control says for all vectors at once. */
export interface MsixControl {
  readonly enabled: boolean;
  readonly functionMasked: boolean;
}

export const passedOnDeviceControl =
  DeviceControlBit.relaxedOrdering | DeviceControlBit.noSnoop | DeviceControlBit.maxReadRequestMask;

const msiOff: MsiState = { enabled: false, vectorCount: 1, address: 0n, data: 0, maskBits: 0 };
const msixOff: MsixControl = { enabled: false, functionMasked: false };

/** Beyond what any processor addresses (52 bits), and the end of what a number holds exactly. */
const addressLimit = 2n ** 52n;

export function readConfigState(image: Uint8Array, layout: ConfigLayout): ConfigState {
  const command = readU16(image, HeaderRegister.command);
  const powerState = readPowerState(image, layout.powerManagement);
  const reachable = (command & CommandBit.memorySpace) !== 0 && powerState === PowerState.d0;
  const msix = readMsix(image, layout.msix?.offset);
  return {
    barGpas: new Map(
      layout.bars.map(({ shape, mask }) => [shape.index, reachable ? readBarGpa(image, shape, mask) : undefined]),
    ),
    busMaster: (command & CommandBit.busMaster) !== 0,
    powerState,
    deviceControl:
      layout.express === undefined
        ? 0
        : readU16(image, layout.express + ExpressRegister.deviceControl) & passedOnDeviceControl,
    // A function must not have both enabled; MSI-X goes first, as nothing says what such a function would do.
    msi: layout.msi === undefined || msix.enabled ? msiOff : readMsi(image, layout.msi),
    msix,
  };
}

/**
 * Undefined for addresses at which no guest means to reach a BAR: 0, where every machine has RAM; beyond what processors
 * address; and what a sizing write leaves (the BAR would end at 4 GiB or at 2⁶⁴).
 */
function readBarGpa(image: Uint8Array, shape: BarShape, mask: BarSizingMask): number | undefined {
  const offset = HeaderRegister.bar0 + 4 * shape.index;
  const low = BigInt((readU32(image, offset) & ~0xf) >>> 0);
  const high = mask.high === undefined ? 0n : BigInt(readU32(image, offset + 4));
  const address = (high << 32n) | low;
  const end = address + BigInt(shape.sizeBytes);
  if (address === 0n || end > addressLimit || end === 2n ** 32n) return undefined;
  return Number(address);
}

function readPowerState(image: Uint8Array, offset: number | undefined): 0 | 3 {
  if (offset === undefined) return PowerState.d0;
  const state = readU16(image, offset + PowerRegister.control) & PowerControlBit.stateMask;
  return state === PowerState.d3hot ? PowerState.d3hot : PowerState.d0;
}

function readMsi(image: Uint8Array, msi: MsiCapability): MsiState {
  const control = readU16(image, msi.offset + MsiRegister.control);
  const high = msi.addressHighOffset === undefined ? 0 : readU32(image, msi.addressHighOffset);
  return {
    enabled: (control & MsiControlBit.enable) !== 0,
    vectorCount: 1 << ((control & MsiControlBit.multipleEnableMask) >>> MsiControlBit.multipleEnableShift),
    address: (BigInt(high) << 32n) | BigInt(readU32(image, msi.addressLowOffset)),
    data: readU16(image, msi.dataOffset),
    maskBits: msi.maskOffset === undefined ? 0 : readU32(image, msi.maskOffset),
  };
}

function readMsix(image: Uint8Array, offset: number | undefined): MsixControl {
  if (offset === undefined) return msixOff;
  const control = readU16(image, offset + MsixRegister.control);
  return {
    enabled: (control & MsixControlBit.enable) !== 0,
    functionMasked: (control & MsixControlBit.functionMask) !== 0,
  };
}
