import type { HostInventory, HostFunction } from '../inventory/host-function.ts';
import { isVfioDriver } from '../inventory/host-function.ts';
import type { HostTree } from '../tree/host-tree.ts';
import { finish, type Steps } from '../tree/steps.ts';
import { readBlockDevices } from './block-devices.ts';
import { readConsoles } from './console-uses.ts';
import { append, functionOnPath } from './device-paths.ts';
import { bootDisplayUse, readScreens } from './display-uses.ts';
import { UseKind } from './function-usage.ts';
import type { FunctionUsage, HostUsage, HostUse, NodeHolder } from './function-usage.ts';
import { readNetworkInterfaces } from './network-uses.ts';
import { openNodesSteps } from './open-nodes.ts';
import { readSharedDirectories } from './shared-directories.ts';
import { readStorageTables, storageUses } from './storage-uses.ts';

/** Classes whose device nodes let a process use a function directly. */
const nodeClasses: readonly string[] = ['block', 'nvme', 'nvme-generic', 'drm', 'sound', 'infiniband_verbs'];

/** Programs that look at every new device for a moment; they let go by themselves. */
const passingHolders = /^\(?(?:udev-worker|systemd-udevd|udevadm|udevd|blkid)\)?$/;

/**
 * What the host uses each function for. It can't see everything: file systems mounted only in another mount namespace, and
 * kernel users that leave no trace in sysfs. `dismount` asks the kernel about block devices once more.
 */
export function readUsage(tree: HostTree, inventory: HostInventory): HostUsage {
  return finish(usageSteps(tree, inventory));
}

/** As {@link readUsage}, a table, a process or a function at a time. */
export function* usageSteps(tree: HostTree, inventory: HostInventory): Steps<HostUsage> {
  const blocks = readBlockDevices(tree);
  yield;
  const storage = readStorageTables(tree);
  yield;
  const shares = readSharedDirectories(tree, storage);
  yield;
  const network = readNetworkInterfaces(tree);
  yield;
  const nodes = readFunctionNodes(tree);
  yield;
  const screens = readScreens(tree);
  const consoles = readConsoles(tree);
  const open = yield* openNodesSteps(tree);
  const functions = new Map<string, FunctionUsage>();
  for (const fn of inventory.functions.values()) {
    yield;
    const disks = blocks.disksOf.get(fn.name) ?? [];
    const interfaces = network.interfacesOf.get(fn.name) ?? [];
    const blockDevices = disks.flatMap((disk) => [disk, ...(blocks.byName.get(disk)?.partitions ?? [])]);
    const ownNodes = new Set([...(nodes.get(fn.name) ?? []), ...blockDevices.map((name) => `/dev/${name}`)]);
    const uses: HostUse[] = [
      ...disks.flatMap((disk) => storageUses(blocks, storage, disk)),
      ...(shares.get(fn.name) ?? []),
      ...interfaces.flatMap((name) => network.usesOf(name)),
      ...[...ownNodes].flatMap((node) => (open.holdersOf.get(node) ?? []).flatMap(openNodeUse)),
      ...(fn.bootDisplay && !isVfioDriver(fn.driver) ? [bootDisplayUse] : []),
      ...(screens.get(fn.name) ?? []),
      ...(consoles.get(fn.name) ?? []),
    ];
    const vfioHolders = vfioNodes(fn, inventory).flatMap((node) => open.holdersOf.get(node) ?? []);
    if (uses.length + vfioHolders.length + blockDevices.length + interfaces.length > 0) {
      functions.set(fn.name, { uses, vfioHolders, blockDevices, interfaces });
    }
  }
  return { functions, hiddenProcesses: open.hiddenProcesses };
}

/** The nodes by which a process can hold the function through VFIO: its group's and its own. */
export function vfioNodes(fn: HostFunction, inventory: HostInventory): string[] {
  const nodes: string[] = [];
  const node = groupNode(fn, inventory);
  if (node !== undefined) nodes.push(node);
  if (fn.vfioNode !== undefined) nodes.push(`/dev/vfio/devices/${fn.vfioNode}`);
  return nodes;
}

/** `/dev/vfio/12` */
export function groupNode(
  fn: Pick<HostFunction, 'iommuGroup'>,
  inventory: Pick<HostInventory, 'groups'>,
): string | undefined {
  if (fn.iommuGroup === undefined) return undefined;
  const noIommu = inventory.groups.get(fn.iommuGroup)?.withoutIommu === true;
  return `/dev/vfio/${noIommu ? 'noiommu-' : ''}${fn.iommuGroup}`;
}

function readFunctionNodes(tree: HostTree): Map<string, string[]> {
  const nodes = new Map<string, string[]>();
  for (const className of nodeClasses) {
    for (const entry of tree.list(`/sys/class/${className}`)) {
      const path = tree.real(`/sys/class/${className}/${entry}`);
      const fn = path === undefined ? undefined : functionOnPath(path);
      if (path === undefined || fn === undefined) continue;
      const name = /^DEVNAME=(.+)$/m.exec(tree.text(`${path}/uevent`) ?? '')?.[1];
      if (name !== undefined) append(nodes, fn, `/dev/${name}`);
    }
  }
  return nodes;
}

function openNodeUse(holder: NodeHolder): HostUse[] {
  if (passingHolders.test(holder.processName)) return [];
  return [
    {
      kind: UseKind.openNode,
      sentence: `Process ${holder.processId} (${holder.processName}) has ${holder.node} open.`,
      breaks: `Process ${holder.processId} (${holder.processName}) would get errors from ${holder.node}.`,
      remedy: `End or reconfigure process ${holder.processId} (${holder.processName}) first.`,
      needed: true,
    },
  ];
}
