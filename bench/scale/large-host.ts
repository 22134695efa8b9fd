import type { FunctionDescription, HostDescription } from '../../src/host/testing/index.ts';

/** Ten PCI domains of a thousand functions each: 50 network cards with 14 virtual functions, and 100 NVMe drives, each below a root port. */
const DOMAINS = 10;
const NETWORK_CARDS = 50;
const DRIVES = 100;
const VIRTUAL_FUNCTIONS = 14;
export const LARGE_HOST_FUNCTIONS = DOMAINS * (NETWORK_CARDS * (2 + VIRTUAL_FUNCTIONS) + DRIVES * 2);

/** A host with that many functions, in use as hosts are: file systems, interfaces that are up, a default route, processes. */
export function largeHost(): HostDescription {
  const functions: FunctionDescription[] = [];
  let group = 0;
  for (let domain = 0; domain < DOMAINS; domain += 1) {
    for (let slot = 0; slot < NETWORK_CARDS + DRIVES; slot += 1) {
      const place = placeOf(domain, slot, group);
      functions.push(
        place.port,
        ...(slot < NETWORK_CARDS ? networkCard(place, domain, slot) : [drive(place, domain, slot)]),
      );
      group += 2 + VIRTUAL_FUNCTIONS;
    }
  }
  return {
    drivers: ['vfio-pci'],
    functions,
    portServices: Object.fromEntries(
      functions.filter((fn) => fn.driver === 'pcieport').map((fn) => [fn.address, ['pme', 'aer'] as const]),
    ),
    mounts: functions
      .flatMap((fn) => (fn.disks ?? []).slice(0, 1))
      .map((disk) => ({ source: `/dev/${disk.partitions?.[0]}`, at: `/srv/${disk.name}` })),
    defaultRoutes: ['net0s0'],
    processes: Array.from({ length: 500 }, (_, index) => ({
      id: 1000 + index,
      name: 'service',
      open: ['/dev/null', '/dev/urandom', `/var/log/service-${index}.log`, '/dev/kvm'],
    })),
  };
}

interface Place {
  readonly port: FunctionDescription;
  readonly root: string;
  /** `0001:0a` */
  readonly bus: string;
  readonly firstGroup: number;
}

function placeOf(domain: number, slot: number, firstGroup: number): Place {
  const root = `pci${hex(domain, 4)}:00`;
  const address = `${hex(domain, 4)}:00:${hex(slot >> 3, 2)}.${slot & 7}`;
  const port: FunctionDescription = {
    address,
    root,
    ids: '8086:2030',
    class: '060400',
    driver: 'pcieport',
    group: firstGroup,
    bars: {},
    acs: 'on',
    aer: true,
    numaNode: domain & 1,
  };
  return { port, root, bus: `${hex(domain, 4)}:${hex(slot + 1, 2)}`, firstGroup };
}

function networkCard({ port, root, bus, firstGroup }: Place, domain: number, slot: number): FunctionDescription[] {
  const common = { root, below: [port.address], class: '020000', numaNode: domain & 1 };
  const physical = `${bus}:00.0`;
  const virtual = Array.from(
    { length: VIRTUAL_FUNCTIONS },
    (_, index): FunctionDescription => ({
      ...common,
      address: `${bus}:${hex(2 + (index >> 3), 2)}.${index & 7}`,
      ids: '8086:1520',
      driver: index % 2 === 0 ? 'vfio-pci' : 'igbvf',
      group: firstGroup + 2 + index,
      interruptPin: 0,
      msix: 3,
      bars: { 0: 'memory64 prefetchable 16384', 3: 'memory64 prefetchable 16384' },
      physicalFunction: physical,
      interfaces: index % 2 === 0 ? [] : [{ name: `net${domain}s${slot}v${index}` }],
    }),
  );
  return [
    {
      ...common,
      address: physical,
      ids: '8086:1521',
      driver: 'igb',
      group: firstGroup + 1,
      acs: 'on',
      aer: true,
      msix: 10,
      bars: { 0: 'memory32 131072', 3: 'memory32 16384' },
      totalVfs: 16,
      virtualFunctions: virtual.map((fn) => fn.address),
      interfaces: [{ name: `net${domain}s${slot}`, up: true }],
    },
    ...virtual,
  ];
}

function drive({ port, root, bus, firstGroup }: Place, domain: number, slot: number): FunctionDescription {
  const disk = `nvme${domain * DRIVES + slot}n1`;
  return {
    address: `${bus}:00.0`,
    root,
    below: [port.address],
    ids: '8086:0a54',
    driver: 'nvme',
    group: firstGroup + 1,
    numaNode: domain & 1,
    msix: 128,
    aer: true,
    disks: [{ name: disk, partitions: [`${disk}p1`] }],
  };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
