import { describeCli } from './cli-in-rig.ts';

describeCli('dda vm run --disk, where there is no IOMMU and no device to spare', ['disks'], {
  iommu: false,
  nvmeControllers: 0,
});
