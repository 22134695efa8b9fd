import { acsPath, mmioNeeds, usageOf } from '../../host/index.ts';
import type { FunctionSurvey, HostFacts, HostFunction } from '../../host/index.ts';
import { ExpressPortType } from '../../pci/index.ts';

/** The document that `dda survey --json` prints; docs/cli.md describes it. */
export function surveyJson(facts: HostFacts, surveys: readonly FunctionSurvey[]): unknown {
  return {
    functions: surveys.map((survey) => functionJson(facts, survey)),
    hiddenProcesses: facts.usage.hiddenProcesses,
  };
}

function functionJson(facts: HostFacts, { fn, verdict, reasons }: FunctionSurvey): unknown {
  const usage = usageOf(facts.usage, fn.name);
  const { identity } = fn;
  const group = fn.iommuGroup === undefined ? undefined : facts.inventory.groups.get(fn.iommuGroup);
  return {
    address: fn.name,
    locationPath: fn.locationPath,
    ids: {
      vendor: hex(identity.vendorId, 4),
      device: hex(identity.deviceId, 4),
      subsystemVendor: hex(identity.subsystemVendorId, 4),
      subsystem: hex(identity.subsystemId, 4),
      revision: hex(identity.revisionId, 2),
      class: hex(identity.baseClass * 0x10000 + identity.subClass * 0x100 + identity.programmingInterface, 6),
    },
    names: { vendor: fn.vendorName ?? null, device: fn.deviceName ?? null, class: fn.className },
    driver: fn.driver ?? null,
    iommuGroup: fn.iommuGroup ?? null,
    groupMembers: group?.members ?? [],
    reservedRegions: (group?.reservedRegions ?? []).map(({ start, end, type }) => ({
      start: `0x${start.toString(16)}`,
      end: `0x${end.toString(16)}`,
      type,
    })),
    acs: acsPath(facts.inventory, fn),
    numaNode: fn.numaNode ?? null,
    bridges: fn.bridges,
    kind: kindOf(fn),
    enabled: fn.enabled ?? null,
    powerState: fn.powerState ?? null,
    bars: fn.bars.map(({ index, kind, prefetchable, sizeBytes, hostAddress }) => ({
      index,
      kind,
      prefetchable,
      sizeBytes,
      placed: hostAddress !== undefined,
    })),
    mmio: mmioNeeds(fn),
    interrupts:
      fn.capabilities === undefined
        ? null
        : {
            msix: fn.capabilities.msixVectors,
            msi: fn.capabilities.msiVectors,
            line: fn.capabilities.interruptLine,
          },
    resetMethods: fn.resetMethods ?? null,
    sriov: {
      totalVfs: fn.sriov.totalVfs,
      virtualFunctions: fn.sriov.virtualFunctions,
      physicalFunction: fn.sriov.physicalFunction ?? null,
    },
    blockDevices: usage.blockDevices,
    interfaces: usage.interfaces,
    heldBy: usage.vfioHolders.map(({ processId, processName, node }) => ({ processId, processName, node })),
    verdict,
    reasons: reasons.map(({ code, weight, sentence, remedy }) => ({ code, weight, sentence, remedy: remedy ?? null })),
  };
}

/** The name of the port type, `conventional`, or null where the configuration space doesn't say. */
function kindOf({ capabilities, sriov }: HostFunction): string | null {
  if (capabilities === undefined) return null;
  const type = Object.entries(ExpressPortType).find(([, number]) => number === capabilities.expressPortType);
  if (type !== undefined) return type[0];
  return capabilities.expressPortType === undefined && sriov.physicalFunction === undefined ? 'conventional' : null;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
