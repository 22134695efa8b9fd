import { linkName, list } from '../sysfs.ts';
import { VfioError } from './vfio-error.ts';

/** Drivers that leave a group to its user: they do no DMA. Linux drivers/vfio/vfio_main.c, and portdrv for bridges. */
const harmlessDrivers: ReadonlySet<string> = new Set(['vfio-pci', 'pci-stub', 'pcieport']);

/** The IOMMU group of function `bdf`: what the IOMMU can't keep apart from it. Throws {@link VfioError} `vfio-no-iommu`. */
export function iommuGroup(bdf: string): string {
  const number = linkName(`/sys/bus/pci/devices/${bdf}/iommu_group`);
  if (number !== undefined) return number;
  throw new VfioError(
    'vfio-no-iommu',
    `${bdf} has no IOMMU group, so its DMA can not be confined. Turn the IOMMU on: in the firmware (VT-d, AMD-Vi) and on the kernel's command line (intel_iommu=on).`,
  );
}

/** The error for a function that can't be opened because of the others of its group; it names them. */
export function groupNotViable(bdf: string, options?: ErrorOptions): VfioError {
  const group = iommuGroup(bdf);
  const inTheWay = list(`/sys/kernel/iommu_groups/${group}/devices`)
    .map((name) => ({ name, driver: linkName(`/sys/bus/pci/devices/${name}/driver`) }))
    .filter(({ driver }) => driver !== undefined && !harmlessDrivers.has(driver))
    .map(({ name, driver }) => `${name} (${driver})`);
  const who =
    inTheWay.length === 0
      ? 'another function of it is held by another process'
      : `the host still drives ${inTheWay.join(', ')}`;
  return new VfioError(
    'vfio-group-not-viable',
    `${bdf} can not be opened: the IOMMU can not keep it apart from the rest of its group ${group}, and ${who}. Dismount every function of the group, and give them to one VM.`,
    options,
  );
}
