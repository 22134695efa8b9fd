import type { FunctionDescription, HostDescription } from './description.ts';
import type { NvmeDescription } from './fake-nvme.ts';
import { nvme, nvmeHost } from './hosts.ts';

/** Virtual function `index` of the controller of {@link nvmeHost}. */
function nvmeFunction(index: number): FunctionDescription {
  const address = `0000:01:00.${index + 1}`;
  return { address, below: nvme.below ?? [], driver: 'nvme', group: 20 + index };
}

/** The ordinary host, whose controller has four virtual functions to share 8 queues and 4 interrupts. */
export function nvmeSriovHost(
  controller: Partial<NvmeDescription> = {},
  changes: Partial<FunctionDescription> = {},
): HostDescription {
  return nvmeHost({
    potentialVirtualFunctions: [0, 1, 2, 3].map(nvmeFunction),
    controller: { name: 'nvme0', queues: 8, interrupts: 4, secondaries: 4, ...controller },
    ...changes,
  });
}

/** A network card with three virtual functions at addresses as an 82576 has them. */
export const card: FunctionDescription = {
  address: '0000:02:00.0',
  below: ['0000:00:05.0'],
  ids: '8086:10c9',
  class: '020000',
  driver: 'igb',
  group: 9,
  interfaces: [{ name: 'eth0', interfaceIndex: 2 }],
  potentialVirtualFunctions: [0, 2, 4].map((function_, index) => ({
    address: `0000:02:10.${function_}`,
    below: ['0000:00:05.0'],
    ids: '8086:10ca',
    class: '020000',
    driver: 'igbvf',
    group: 30 + index,
  })),
};

export function cardHost(changes: Partial<FunctionDescription> = {}): HostDescription {
  return { drivers: ['vfio-pci', 'igbvf'], functions: [{ ...card, ...changes }] };
}
