import type { FunctionIdentity } from '../../functions/index.ts';
import {
  ExtendedCapabilityId,
  className,
  comparePciAddresses,
  configSpaceBytes,
  decodeAcsCapability,
  decodeExpressCapability,
  decodeHeader,
  decodeMsiCapability,
  decodeMsixCapability,
  extendedCapabilities,
  extendedConfigSpaceBytes,
  findCapability,
  hasFunctionLevelReset,
  parsePciAddress,
} from '../../pci/index.ts';
import type { PciAddress, PciIds } from '../../pci/index.ts';
import { baseName, parseNumber } from '../tree/host-tree.ts';
import type { HostTree } from '../tree/host-tree.ts';
import { finish, type Steps } from '../tree/steps.ts';
import type { CapabilityFacts, HostFunction, HostInventory, PlacedFunction, SriovFacts } from './host-function.ts';
import { groupNumber, readIommuGroups } from './iommu-groups.ts';
import { placeOf } from './place.ts';
import { readPlatform } from './platform.ts';
import { parseResourceTable } from './resource-table.ts';

export const pciDevicesPath = '/sys/bus/pci/devices';
export const pciDriversPath = '/sys/bus/pci/drivers';

/**
 * Everything the kernel shows about the host's PCI functions. A function that leaves meanwhile is left out.
 *
 * Nothing read here waits for a device's lock, which the kernel keeps while a driver releases or takes the device: one function
 * that is stuck there must not stop the look at the others. `driver_override` and `sriov_numvfs` do wait for it.
 */
export function readInventory(tree: HostTree, ids: PciIds): HostInventory {
  return finish(inventorySteps(tree, ids));
}

/** As {@link readInventory}, a function at a time. */
export function* inventorySteps(tree: HostTree, ids: PciIds): Steps<HostInventory> {
  const names = cachedNames(ids);
  const addresses = tree.list(pciDevicesPath).flatMap((name) => {
    const parsed = parsePciAddress(name);
    return parsed.ok ? [{ name, address: parsed.address }] : [];
  });
  addresses.sort((a, b) => comparePciAddresses(a.address, b.address));
  const functions = new Map<string, HostFunction>();
  for (const { name, address } of addresses) {
    const found = readFunction(tree, names, name, address);
    if (found !== undefined) functions.set(name, found);
    yield;
  }
  return {
    functions,
    groups: readIommuGroups(tree),
    drivers: new Set(tree.list(pciDriversPath)),
    platform: readPlatform(tree),
  };
}

function readFunction(tree: HostTree, names: Names, name: string, address: PciAddress): HostFunction | undefined {
  const path = tree.real(`${pciDevicesPath}/${name}`);
  const identity = path === undefined ? undefined : readIdentity(tree, path);
  if (path === undefined || identity === undefined) return undefined;
  const powerState = tree.text(`${path}/power_state`);
  // Reading the configuration space of a device that is powered off wakes it, which takes a laptop's GPU seconds.
  const config =
    (powerState === 'D3cold' ? undefined : tree.bytes(`${path}/config`, extendedConfigSpaceBytes)) ?? new Uint8Array(0);
  const enableCount = parseNumber(tree.text(`${path}/enable`));
  const driver = tree.link(`${path}/driver`);
  const numaNode = parseNumber(tree.text(`${path}/numa_node`));
  return {
    name,
    address,
    identity,
    vendorName: names.vendor(identity.vendorId),
    deviceName: names.device(identity.vendorId, identity.deviceId),
    className: className(identity.baseClass, identity.subClass, identity.programmingInterface),
    modalias: tree.text(`${path}/modalias`),
    driver: driver === undefined ? undefined : baseName(driver),
    iommuGroup: groupNumber(tree, path),
    numaNode: numaNode === undefined || numaNode < 0 ? undefined : numaNode,
    bars: parseResourceTable(tree.text(`${path}/resource`) ?? ''),
    ...placeOf(tree, path),
    sriov: readSriov(tree, path),
    resetMethods: readResetMethods(tree, path),
    bootDisplay: tree.text(`${path}/boot_vga`) === '1',
    powerState,
    enabled: enableCount === undefined ? undefined : enableCount > 0,
    config,
    capabilities: readCapabilities(config),
    vfioNode: tree.list(`${path}/vfio-dev`).find((node) => /^vfio[0-9]+$/.test(node)),
  };
}

/** What it takes to give one function back to its driver. Undefined: it isn't there. */
export function readPlacedFunction(tree: HostTree, name: string): PlacedFunction | undefined {
  const path = `${pciDevicesPath}/${name}`;
  const identity = readIdentity(tree, path);
  if (identity === undefined) return undefined;
  const driver = tree.link(`${path}/driver`);
  return {
    name,
    identity,
    vendorName: undefined,
    deviceName: undefined,
    className: className(identity.baseClass, identity.subClass, identity.programmingInterface),
    modalias: tree.text(`${path}/modalias`),
    driver: driver === undefined ? undefined : baseName(driver),
    iommuGroup: groupNumber(tree, path),
  };
}

/** From the kernel's attributes, not from configuration space: a virtual function's ids read all ones there. */
function readIdentity(tree: HostTree, path: string): FunctionIdentity | undefined {
  const read = (attribute: string) => parseNumber(tree.text(`${path}/${attribute}`));
  const [vendorId, deviceId, classCode] = [read('vendor'), read('device'), read('class')];
  if (vendorId === undefined || deviceId === undefined || classCode === undefined) return undefined;
  return {
    vendorId,
    deviceId,
    revisionId: read('revision') ?? 0,
    programmingInterface: classCode & 0xff,
    subClass: (classCode >>> 8) & 0xff,
    baseClass: (classCode >>> 16) & 0xff,
    subsystemVendorId: read('subsystem_vendor') ?? 0,
    subsystemId: read('subsystem_device') ?? 0,
  };
}

function readSriov(tree: HostTree, path: string): SriovFacts {
  const physical = tree.link(`${path}/physfn`);
  const totalVfs = parseNumber(tree.text(`${path}/sriov_totalvfs`)) ?? 0;
  const virtualFunctions: string[] = [];
  // They are numbered without gaps, and asking for each spares reading the directory.
  for (let index = 0; index < totalVfs; index += 1) {
    const target = tree.link(`${path}/virtfn${index}`);
    if (target === undefined) break;
    virtualFunctions.push(baseName(target));
  }
  return {
    totalVfs,
    virtualFunctions: virtualFunctions.toSorted(),
    physicalFunction: physical === undefined ? undefined : baseName(physical),
  };
}

/** Both attributes are there only where some reset works; `reset_method` came with Linux 5.15. */
function readResetMethods(tree: HostTree, path: string): readonly string[] | undefined {
  const methods = tree.text(`${path}/reset_method`);
  if (methods !== undefined) return methods.split(/\s+/).filter((method) => method !== '');
  return tree.exists(`${path}/reset`) ? undefined : [];
}

function readCapabilities(config: Uint8Array): CapabilityFacts | undefined {
  if (config.length < configSpaceBytes) return undefined;
  const expressPortType = decodeExpressCapability(config)?.portType;
  const extendedUnread = expressPortType !== undefined && config.length < extendedConfigSpaceBytes;
  return {
    expressPortType,
    functionLevelReset: hasFunctionLevelReset(config),
    msiVectors: decodeMsiCapability(config)?.vectorCount ?? 0,
    msixVectors: decodeMsixCapability(config)?.vectorCount ?? 0,
    interruptLine: (decodeHeader(config)?.interruptPin ?? 0) !== 0,
    acs: extendedUnread ? 'unread' : decodeAcsCapability(config),
    errorReporting:
      findCapability(extendedCapabilities(config), ExtendedCapabilityId.advancedErrorReporting) !== undefined,
  };
}

interface Names {
  vendor(vendorId: number): string | undefined;
  device(vendorId: number, deviceId: number): string | undefined;
}

/** A host has many functions of few kinds; each name is searched for once. */
function cachedNames(ids: PciIds): Names {
  const vendors = new Map<number, string | undefined>();
  const devices = new Map<number, string | undefined>();
  return {
    vendor(vendorId) {
      if (!vendors.has(vendorId)) vendors.set(vendorId, ids.vendorName(vendorId));
      return vendors.get(vendorId);
    },
    device(vendorId, deviceId) {
      const key = vendorId * 0x10000 + deviceId;
      if (!devices.has(key)) devices.set(key, ids.deviceName(vendorId, deviceId));
      return devices.get(key);
    },
  };
}
