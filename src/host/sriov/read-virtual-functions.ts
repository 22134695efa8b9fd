import type { NvmeFlexibleResource } from '../../linux/index.ts';
import { HostError } from '../errors.ts';
import { isVfioDriver } from '../inventory/host-function.ts';
import { defaultActDeadlineMs } from '../moves/execute.ts';
import { readFacts, readFactsInTurns } from '../moves/host-facts.ts';
import type { Host } from '../moves/host-facts.ts';
import { canonicalName } from '../moves/move.ts';
import type { StepFailure } from '../moves/run-step.ts';
import type { HostFacts } from '../survey/facts.ts';
import { readLinks } from './read-links.ts';
import { readNvmeControllers } from './read-nvme.ts';
import { findPhysicalFunction } from './physical-function.ts';
import type { DeviceKind, PhysicalFunction } from './physical-function.ts';
import { formatMac } from './settings.ts';

/** One kind of what an NVMe controller shares out among its virtual functions. */
export interface SharedResource {
  readonly total: number;
  readonly free: number;
  readonly mostPerFunction: number;
}

export interface VirtualFunctionReport {
  /** From 0. */
  readonly index: number;
  readonly name: string;
  /** Undefined: none has it. */
  readonly driver: string | undefined;
  readonly iommuGroup: number | undefined;
  readonly dismounted: boolean;
  /** NVMe, where the controller assigns anything. */
  readonly nvme?: {
    readonly controllerId: number;
    readonly online: boolean;
    readonly queues: number;
    readonly interrupts: number;
  };
  /** Network. `mac` undefined: the guest chooses one. */
  readonly network?: {
    readonly mac: string | undefined;
    readonly vlan: number | undefined;
    readonly trust: boolean | undefined;
    readonly spoofCheck: boolean | undefined;
  };
}

export interface VirtualFunctionsReport {
  readonly physicalFunction: string;
  readonly driver: string | undefined;
  readonly kind: DeviceKind;
  readonly totalVfs: number;
  readonly functions: readonly VirtualFunctionReport[];
  /** NVMe; undefined where each virtual function has its own. */
  readonly queues?: SharedResource;
  readonly interrupts?: SharedResource;
}

/** The virtual functions of one physical function, and what its device says of each. Throws HostError. */
export async function readVirtualFunctions(
  host: Host,
  physicalFunction: string,
  deadlineMs = defaultActDeadlineMs,
): Promise<VirtualFunctionsReport> {
  const name = canonicalName(physicalFunction);
  const asked = `read the virtual functions of ${name}`;
  const facts = await readFactsInTurns(host);
  const report = await reportOf(host, facts, findPhysicalFunction(host.tree, facts, asked, name), deadlineMs);
  if (report.ok) return report.value;
  const { code, obstacle, remedy, details } = report.failure;
  throw new HostError(code, { asked, obstacle, remedy, details });
}

/** Names of the functions that have SR-IOV. */
export function listPhysicalFunctions(host: Host): string[] {
  return [...readFacts(host).inventory.functions.values()].filter((fn) => fn.sriov.totalVfs > 0).map((fn) => fn.name);
}

export async function reportOf(
  host: Host,
  facts: HostFacts,
  physical: PhysicalFunction,
  deadlineMs: number,
): Promise<{ ok: true; value: VirtualFunctionsReport } | { ok: false; failure: StepFailure }> {
  const { fn, setup } = physical;
  const functions = physical.virtualFunctions.map((name, index): VirtualFunctionReport => {
    const found = facts.inventory.functions.get(name);
    const dismounted = isVfioDriver(found?.driver);
    return { index, name, driver: found?.driver, iommuGroup: found?.iommuGroup, dismounted };
  });
  const report = {
    physicalFunction: fn.name,
    driver: fn.driver,
    kind: setup.kind,
    totalVfs: fn.sriov.totalVfs,
    functions,
  };
  if (setup.kind === 'nvme') {
    const read = await readNvmeControllers(host, fn.name, setup, deadlineMs);
    if (!read.ok) return read;
    if (read.value === undefined) return { ok: true, value: report };
    const { capabilities, secondaries } = read.value;
    return {
      ok: true,
      value: {
        ...report,
        ...(capabilities.queues.flexible ? { queues: shared(capabilities.queues) } : {}),
        ...(capabilities.interrupts.flexible ? { interrupts: shared(capabilities.interrupts) } : {}),
        functions: functions.map((each) => {
          const secondary = secondaries[each.index];
          if (secondary === undefined) return each;
          const { controllerId, online, queues, interrupts } = secondary;
          return { ...each, nvme: { controllerId, online, queues, interrupts } };
        }),
      },
    };
  }
  if (setup.kind === 'network' && functions.length > 0) {
    const read = await readLinks(host, fn.name, setup, deadlineMs);
    if (!read.ok) return read;
    return {
      ok: true,
      value: {
        ...report,
        functions: functions.map((each) => {
          const link = read.value.get(each.index);
          if (link === undefined) return each;
          const { mac, vlan, trust, spoofCheck } = link;
          const isSet = mac?.some((byte) => byte !== 0) === true;
          return { ...each, network: { mac: isSet ? formatMac(mac) : undefined, vlan, trust, spoofCheck } };
        }),
      },
    };
  }
  return { ok: true, value: report };
}

function shared({ total, assigned, primary, mostPerSecondary }: NvmeFlexibleResource): SharedResource {
  return { total, free: Math.max(total - assigned - primary, 0), mostPerFunction: mostPerSecondary };
}
