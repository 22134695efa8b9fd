import { usageOf } from '../../host/index.ts';
import type { FunctionSurvey, HostFacts } from '../../host/index.ts';

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
    groupMembers: fn.iommuGroup === undefined ? [] : (facts.inventory.groups.get(fn.iommuGroup)?.members ?? []),
    numaNode: fn.numaNode ?? null,
    bridges: fn.bridges,
    bars: fn.bars.map(({ index, kind, prefetchable, sizeBytes }) => ({ index, kind, prefetchable, sizeBytes })),
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

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
