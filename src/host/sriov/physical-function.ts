import { HostError } from '../errors.ts';
import { isVfioDriver } from '../inventory/host-function.ts';
import type { HostFunction } from '../inventory/host-function.ts';
import { pciDevicesPath } from '../inventory/inventory.ts';
import { findFunction, refuseStuck } from '../moves/refusals.ts';
import type { HostFacts } from '../survey/facts.ts';
import { baseName, parseNumber } from '../tree/host-tree.ts';
import type { HostTree } from '../tree/host-tree.ts';

export type DeviceKind = 'nvme' | 'network' | 'other';

/** Through what a physical function's virtual functions are set up: its driver's own interface. */
export type Setup =
  | { readonly kind: 'nvme'; readonly node: string; readonly controllerId: number }
  | { readonly kind: 'network'; readonly interfaceName: string; readonly interfaceIndex: number }
  | { readonly kind: 'other' };

export interface PhysicalFunction {
  readonly fn: HostFunction;
  readonly setup: Setup;
  /** Whether the kernel offers new virtual functions to drivers by itself. */
  readonly autoprobe: boolean;
  /** Names of the virtual functions that are there, by their number. */
  readonly virtualFunctions: readonly string[];
}

/** Throws `no-such-function`, `not-a-physical-function`, `operation-stuck`. */
export function findPhysicalFunction(tree: HostTree, facts: HostFacts, asked: string, name: string): PhysicalFunction {
  const fn = findFunction(facts.inventory, asked, name);
  if (fn.sriov.totalVfs === 0) {
    const { physicalFunction } = fn.sriov;
    throw new HostError('not-a-physical-function', {
      asked,
      obstacle:
        physicalFunction === undefined
          ? `${name} has no SR-IOV.`
          : `${name} is itself a virtual function, of ${physicalFunction}.`,
      remedy: 'dda vf list shows the functions that have it.',
      details: { function: name, physicalFunction },
    });
  }
  refuseStuck(facts, asked, fn);
  const path = `${pciDevicesPath}/${name}`;
  return {
    fn,
    setup: readSetup(tree, path),
    autoprobe: tree.text(`${path}/sriov_drivers_autoprobe`) !== '0',
    virtualFunctions: readVirtualFunctionNames(tree, name),
  };
}

/** By their number, which is not always the order of their addresses. */
export function readVirtualFunctionNames(tree: HostTree, physicalFunction: string): string[] {
  const path = `${pciDevicesPath}/${physicalFunction}`;
  const numbers = tree.list(path).flatMap((entry) => parseNumber(/^virtfn([0-9]+)$/.exec(entry)?.[1]) ?? []);
  return numbers
    .toSorted((one, other) => one - other)
    .flatMap((number) => {
      const target = tree.link(`${path}/virtfn${number}`);
      return target === undefined ? [] : [baseName(target)];
    });
}

/** Throws `physical-function-away`: without a host driver nothing runs its virtual functions. */
export function refuseAway(asked: string, { fn }: PhysicalFunction): void {
  if (fn.driver !== undefined && !isVfioDriver(fn.driver)) return;
  throw new HostError('physical-function-away', {
    asked,
    obstacle: fn.driver === undefined ? `no driver has ${fn.name}.` : `${fn.name} is dismounted: ${fn.driver} has it.`,
    remedy: `Give it to its driver first: dda mount ${fn.name}`,
    details: { function: fn.name, driver: fn.driver },
  });
}

function readSetup(tree: HostTree, path: string): Setup {
  const controller = tree.list(`${path}/nvme`).find((name) => /^nvme[0-9]+$/.test(name));
  if (controller !== undefined) {
    const controllerId = parseNumber(tree.text(`${path}/nvme/${controller}/cntlid`)) ?? 0;
    return { kind: 'nvme', node: `/dev/${controller}`, controllerId };
  }
  const [interfaceName] = tree.list(`${path}/net`);
  const interfaceIndex = parseNumber(tree.text(`${path}/net/${interfaceName}/ifindex`));
  if (interfaceName !== undefined && interfaceIndex !== undefined) {
    return { kind: 'network', interfaceName, interfaceIndex };
  }
  return { kind: 'other' };
}
