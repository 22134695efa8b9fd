import { isMachinery, isVfioDriver } from '../inventory/host-function.ts';
import type { HostFunction, HostInventory } from '../inventory/host-function.ts';

/** Drivers that leave DMA to whoever owns the group. Linux: those that set `driver_managed_dma` (portdrv, pci-stub, VFIO's). */
const bystanderDrivers = new Set(['pcieport', 'pci-stub']);

/** Whether VFIO can hand out the group while this driver is bound to one of its functions. */
export function leavesGroupAlone(driver: string | undefined): boolean {
  return driver === undefined || bystanderDrivers.has(driver) || isVfioDriver(driver);
}

/** Who stands between a group and a VM. */
export interface GroupMates {
  /** Functions that could be dismounted too. */
  readonly movable: readonly HostFunction[];
  /** Devices that can't: parts of the machine with a driver that uses DMA, and devices of other buses. */
  readonly fixed: readonly string[];
}

/** The other members of a function's group whose host driver keeps the group from being lent; `leaving` go along anyway. */
export function groupMates(
  inventory: HostInventory,
  fn: HostFunction,
  leaving: ReadonlySet<string> = new Set(),
): GroupMates {
  const group = fn.iommuGroup === undefined ? undefined : inventory.groups.get(fn.iommuGroup);
  const movable: HostFunction[] = [];
  const fixed: string[] = [];
  for (const name of group?.members ?? []) {
    if (name === fn.name || leaving.has(name)) continue;
    const mate = inventory.functions.get(name);
    if (mate === undefined) fixed.push(name);
    else if (!leavesGroupAlone(mate.driver)) {
      if (isMachinery(mate)) fixed.push(name);
      else movable.push(mate);
    }
  }
  return { movable, fixed };
}
