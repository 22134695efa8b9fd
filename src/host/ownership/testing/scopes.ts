import type { FunctionState, Resettable } from '../owner.ts';
import type { Scope } from './environment.ts';

export function hostFunction(
  name: string,
  group: string,
  resettable: Resettable = 'yes',
  physicalFunction?: string,
): FunctionState {
  return { name, ids: '1b36:0010', group, physicalFunction, resettable, present: true, owner: { kind: 'host' } };
}

/** One function, one VM: in milliseconds. */
export const smallest: Scope = { vms: ['first'], functions: [hostFunction('a', 'group')] };

/** Two VMs and two functions of one IOMMU group, of which one can't be reset. */
export const oneGroup: Scope = {
  vms: ['first', 'second'],
  functions: [hostFunction('a', 'group'), hostFunction('b', 'group', 'no')],
};

/** A physical function with as many virtual ones. */
export function sriov(vms: readonly string[], virtualFunctions: readonly string[]): Scope {
  const virtual = virtualFunctions.map((name) => hostFunction(name, `group of ${name}`, 'yes', 'physical'));
  return { vms, functions: [hostFunction('physical', 'group of physical'), ...virtual] };
}
