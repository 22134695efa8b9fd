import { VfioError, linkName, list, openVfioDevice, readAttribute } from '../linux/index.ts';
import type { DmaDomain } from '../linux/index.ts';
import { PhysicalFunction } from './physical-function.ts';

const devices = '/sys/bus/pci/devices';

/** Drivers that don't touch their functions' DMA, so that VFIO puts up with them in a group. */
const harmlessDrivers: ReadonlySet<string | undefined> = new Set([undefined, 'vfio-pci', 'pci-stub', 'pcieport']);

/**
 * Opens a dismounted function of this machine for the VM whose address space `domain` is. Throws what `openVfioDevice` does,
 * for a group that isn't viable with the names of the functions that stand in the way; and what {@link PhysicalFunction} does.
 */
export function openPhysicalFunction(bdf: string, domain: DmaDomain): PhysicalFunction {
  try {
    return new PhysicalFunction(openVfioDevice({ bdf, domain }), hostNumaNode(bdf));
  } catch (error) {
    throw error instanceof VfioError && error.code === 'vfio-group-not-viable' ? withCulprits(error, bdf) : error;
  }
}

/** The NUMA node of a function of this machine, as {@link PhysicalFunction} takes it; undefined on machines without nodes. */
export function hostNumaNode(bdf: string): number | undefined {
  const node = Number(readAttribute(`${devices}/${bdf}/numa_node`));
  return node >= 0 ? node : undefined;
}

function withCulprits(error: VfioError, bdf: string): VfioError {
  const culprits = list(`${devices}/${bdf}/iommu_group/devices`)
    .map((name) => ({ name, driver: linkName(`${devices}/${name}/driver`) }))
    .filter(({ driver }) => !harmlessDrivers.has(driver));
  // Whoever was in the way may have gone in the meantime; the first message still says what to look for.
  if (culprits.length === 0) return error;
  const names = culprits.map(({ name, driver }) => `${name} (bound to ${driver ?? 'nothing'})`).join(', ');
  const problem = `${bdf} can not be opened: the IOMMU can not keep it apart from ${names}, which the host still uses.`;
  const advice = `Dismount ${culprits.map(({ name }) => name).join(' and ')} too.`;
  return new VfioError(error.code, `${problem} ${advice}`, { cause: error });
}
