import type { FunctionDescription, HostDescription } from './description.ts';

/** A root port with an NVMe controller behind it, each in a group of its own: the ordinary case. */
export const rootPort: FunctionDescription = {
  address: '0000:00:04.0',
  ids: '1b36:000c',
  class: '060400',
  driver: 'pcieport',
  group: 3,
  bars: {},
  acs: 'on',
};

export const nvme: FunctionDescription = {
  address: '0000:01:00.0',
  below: ['0000:00:04.0'],
  driver: 'nvme',
  group: 5,
  numaNode: 0,
  disks: [{ name: 'nvme0n1', partitions: ['nvme0n1p1'] }],
};

/** The ordinary host, with its NVMe function changed by `changes` and the rest of it by `host`. */
export function nvmeHost(
  changes: Partial<FunctionDescription> = {},
  host: Partial<HostDescription> = {},
): HostDescription {
  return { drivers: ['vfio-pci'], ...host, functions: [rootPort, { ...nvme, ...changes }, ...(host.functions ?? [])] };
}

/** The ordinary host as it is without an IOMMU. */
export function hostWithoutIommu(): HostDescription {
  const functions = nvmeHost().functions.map((fn) => {
    const { group: _, ...rest } = fn;
    return rest;
  });
  return { functions };
}
