import { isMachineryClass, isVfioDriver } from '../inventory/host-function.ts';
import { groupNumber } from '../inventory/iommu-groups.ts';
import { pciDevicesPath } from '../inventory/inventory.ts';
import type { Host } from '../moves/host-facts.ts';
import { isProcessAlive } from '../moves/process-mark.ts';
import type { DismountRecord } from '../moves/record.ts';
import type { Resettable } from '../ownership/owner.ts';
import { baseName, parseNumber } from '../tree/host-tree.ts';
import type { HostTree } from '../tree/host-tree.ts';
import type { Look } from './host-port.ts';

/** Where functions belong that were dismounted without a manager. */
export const defaultPool = 'default';

/** A part of the machine itself, that nobody borrows. */
const machinery = 'machinery';

/**
 * What the manager needs to know of one function, from its own directory alone. Nothing read here waits for the device's lock.
 * Undefined: it isn't there.
 */
export function lookAt(
  host: Host,
  name: string,
  records: Pick<ReadonlyMap<string, DismountRecord>, 'get'> = host.records,
): Look | typeof machinery | undefined {
  const { tree } = host;
  const path = `${pciDevicesPath}/${name}`;
  const [vendor, device, classCode] = ['vendor', 'device', 'class'].map((attribute) =>
    tree.text(`${path}/${attribute}`)?.replace('0x', ''),
  );
  if (vendor === undefined || device === undefined || classCode === undefined) return undefined;
  const code = Number.parseInt(classCode, 16);
  if (isMachineryClass((code >>> 16) & 0xff, (code >>> 8) & 0xff)) return machinery;
  const group = groupNumber(tree, path);
  const physical = tree.link(`${path}/physfn`);
  const numaNode = parseNumber(tree.text(`${path}/numa_node`));
  const ids = `${vendor}:${device}`;
  const driver = driverOf(tree, name);
  return {
    name,
    ids,
    group: group === undefined ? `none:${name}` : String(group),
    physicalFunction: physical === undefined ? undefined : baseName(physical),
    resettable: readResettable(tree, path),
    driver: driver === undefined ? 'none' : isVfioDriver(driver) ? 'vfio' : 'home',
    adoptInto: isKept(host, records.get(name), ids) ? defaultPool : undefined,
    classCode: classCode.padStart(6, '0'),
    numaNode: numaNode === undefined || numaNode < 0 ? undefined : numaNode,
    groupNode: groupNodeOf(tree, group),
    deviceNode: deviceNodeOf(tree, path),
  };
}

export function isLook(found: ReturnType<typeof lookAt>): found is Look {
  return found !== undefined && found !== machinery;
}

export function driverOf(tree: HostTree, name: string): string | undefined {
  const link = tree.link(`${pciDevicesPath}/${name}/driver`);
  return link === undefined ? undefined : baseName(link);
}

/** The attributes are there only where some reset works; `reset_method` came with Linux 5.15. */
function readResettable(tree: HostTree, path: string): Resettable {
  if (!tree.exists(`${path}/reset`)) return 'no';
  const methods = tree.text(`${path}/reset_method`);
  if (methods === undefined) return 'unknown';
  return methods.trim() === '' ? 'no' : 'yes';
}

/** It was dismounted for good, not for as long as some process runs. */
function isKept(host: Host, record: DismountRecord | undefined, ids: string): boolean {
  if (record === undefined || record.ids !== ids) return false;
  return record.borrower === undefined || !isProcessAlive(host.tree, record.borrower);
}

function groupNodeOf(tree: HostTree, group: number | undefined): string | undefined {
  if (group === undefined) return undefined;
  const withoutIommu = tree.text(`/sys/kernel/iommu_groups/${group}/name`) === 'vfio-noiommu';
  return `/dev/vfio/${withoutIommu ? 'noiommu-' : ''}${group}`;
}

function deviceNodeOf(tree: HostTree, path: string): string | undefined {
  const node = tree.list(`${path}/vfio-dev`).find((each) => /^vfio[0-9]+$/.test(each));
  return node === undefined ? undefined : `/dev/vfio/devices/${node}`;
}
