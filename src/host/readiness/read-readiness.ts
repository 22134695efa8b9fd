import { Resource, kvmRunsGuests, readLimit, userId } from '../../linux/index.ts';
import { visibleObstacle } from '../control-groups/group-place.ts';
import { isMachinery } from '../inventory/host-function.ts';
import { readFacts } from '../moves/host-facts.ts';
import type { Host } from '../moves/host-facts.ts';
import { vfioDriver } from '../moves/plan-dismount.ts';
import { Verdict } from '../survey/reason.ts';
import { surveyHost } from '../survey/survey.ts';
import type { HostTree } from '../tree/host-tree.ts';
import type { ReadinessFacts } from './readiness.ts';

/** Looks at the machine that this runs on. Opens /dev/kvm for a moment; changes nothing. */
export function readReadiness(host: Host): ReadinessFacts {
  const { tree } = host;
  const facts = readFacts(host);
  const kernelRelease = tree.text('/proc/sys/kernel/osrelease') ?? 'unknown';
  const guests = kvmRunsGuests();
  return {
    kernelRelease,
    guests,
    iommuGroups: facts.inventory.groups.size,
    processorVendor: processorVendor(tree),
    vfio: facts.inventory.drivers.has(vfioDriver) ? 'loaded' : moduleFile(tree, kernelRelease) ? 'loadable' : 'absent',
    isRoot: userId() === 0,
    groupObstacle: visibleObstacle(tree),
    lockableBytes: readLimit(Resource.lockedMemory).hard,
    assignable: surveyHost(facts)
      .filter((survey) => survey.verdict !== Verdict.notAssignable)
      .map((survey) => survey.fn.name),
    functionCount: [...facts.inventory.functions.values()].filter((fn) => !isMachinery(fn)).length,
  };
}

function processorVendor(tree: HostTree): ReadinessFacts['processorVendor'] {
  const vendor = /^vendor_id\s*:\s*(\S+)/m.exec(tree.text('/proc/cpuinfo') ?? '')?.[1];
  return vendor === 'GenuineIntel' ? 'intel' : vendor === 'AuthenticAMD' ? 'amd' : 'other';
}

function moduleFile(tree: HostTree, kernelRelease: string): boolean {
  const list = tree.text(`/lib/modules/${kernelRelease}/modules.dep`) ?? '';
  return /(?:^|\/)vfio-pci\.ko(?:\.xz|\.zst|\.gz)?:/m.test(list);
}
