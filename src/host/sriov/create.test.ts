import assert from 'node:assert/strict';
import test from 'node:test';
import { fakeHost } from '../testing/fake-host.ts';
import { card, cardHost, nvmeSriovHost } from '../testing/sriov-hosts.ts';
import { dismount } from '../moves/move.ts';
import { createVirtualFunctions } from './create-virtual-functions.ts';

const pf = '0000:01:00.0';
const path = `/sys/bus/pci/devices/${pf}`;

test('functions come up without a driver, get their share, and go to the pool', async () => {
  const host = fakeHost(nvmeSriovHost());
  const report = await createVirtualFunctions(host, { physicalFunction: '01:00.0', count: 2 });
  assert.deepEqual(host.actions.acts, [
    `${path}/sriov_drivers_autoprobe <- 0`,
    `${path}/sriov_numvfs <- 2`,
    '/sys/bus/pci/devices/0000:01:00.1/driver_override <- vfio-pci',
    '/sys/bus/pci/drivers/vfio-pci/bind <- 0000:01:00.1',
    '/sys/bus/pci/devices/0000:01:00.2/driver_override <- vfio-pci',
    '/sys/bus/pci/drivers/vfio-pci/bind <- 0000:01:00.2',
    `${path}/sriov_drivers_autoprobe <- 1`,
  ]);
  assert.deepEqual(
    report.functions.map(({ index, name, driver, dismounted, nvme }) => ({ index, name, driver, dismounted, nvme })),
    [
      {
        index: 0,
        name: '0000:01:00.1',
        driver: 'vfio-pci',
        dismounted: true,
        nvme: { controllerId: 1, online: true, queues: 4, interrupts: 2 },
      },
      {
        index: 1,
        name: '0000:01:00.2',
        driver: 'vfio-pci',
        dismounted: true,
        nvme: { controllerId: 2, online: true, queues: 4, interrupts: 2 },
      },
    ],
  );
  assert.deepEqual(report.queues, { total: 8, free: 0, mostPerFunction: 8 });
  assert.deepEqual([...host.records.dismounted.keys()], ['0000:01:00.1', '0000:01:00.2']);
  assert.equal(host.records.locks.size, 0);
});

test('what is asked for is given, and the rest gets what is left', async () => {
  const host = fakeHost(nvmeSriovHost());
  const report = await createVirtualFunctions(host, {
    physicalFunction: pf,
    count: 3,
    perFunction: [{ queues: 4, interrupts: 2 }],
  });
  assert.deepEqual(
    report.functions.map(({ nvme }) => [nvme?.queues, nvme?.interrupts]),
    [
      [4, 2],
      [2, 1],
      [2, 1],
    ],
  );
});

test('what secondary controllers have from earlier is taken back first', async () => {
  const host = fakeHost(nvmeSriovHost());
  const controller = host.actions.sriov.controllers.get('/dev/nvme0');
  Object.assign(controller?.secondaries[3] ?? {}, { queues: 6, interrupts: 4 });
  const report = await createVirtualFunctions(host, { physicalFunction: pf, count: 1 });
  assert.deepEqual(report.functions[0]?.nvme, { controllerId: 1, online: true, queues: 8, interrupts: 4 });
  assert.deepEqual(controller?.secondaries[3], { online: false, queues: 0, interrupts: 0 });
});

test('functions for the host get their settings before its drivers get them', async () => {
  const host = fakeHost(cardHost());
  const report = await createVirtualFunctions(host, {
    physicalFunction: card.address,
    count: 2,
    perFunction: [{ mac: '52:54:00:0D:DA:01', vlan: 4094, trust: true }, { vlan: 0 }],
    to: 'host',
  });
  assert.deepEqual(host.actions.acts.slice(2), [
    '/sys/bus/pci/devices/0000:02:00.0/sriov_drivers_autoprobe <- 1',
    '/sys/bus/pci/drivers_probe <- 0000:02:10.0',
    '/sys/bus/pci/drivers_probe <- 0000:02:10.2',
    '/sys/bus/pci/devices/0000:02:00.0/sriov_drivers_autoprobe <- 1',
  ]);
  assert.deepEqual(
    report.functions.map(({ name, driver, network }) => ({ name, driver, network })),
    [
      {
        name: '0000:02:10.0',
        driver: 'igbvf',
        network: { mac: '52:54:00:0d:da:01', vlan: 4094, trust: true, spoofCheck: false },
      },
      {
        name: '0000:02:10.2',
        driver: 'igbvf',
        network: { mac: undefined, vlan: 0, trust: false, spoofCheck: true },
      },
    ],
  );
  assert.equal(host.actions.sriov.links.messages.filter((message) => message[4] === 19).length, 5);
});

test('a host that keeps drivers away from virtual functions by itself goes on doing so', async () => {
  const host = fakeHost(cardHost());
  host.tree.file('/sys/devices/pci0000:00/0000:00:05.0/0000:02:00.0/sriov_drivers_autoprobe', '0\n');
  const report = await createVirtualFunctions(host, { physicalFunction: card.address, count: 1, to: 'nobody' });
  assert.deepEqual(
    report.functions.map(({ driver }) => driver),
    [undefined],
  );
  assert.match(host.actions.acts.at(-1) ?? '', /sriov_drivers_autoprobe <- 0$/);
});

interface Refusal {
  readonly what: string;
  readonly code: string;
  readonly message: RegExp;
  readonly count?: number;
  readonly perFunction?: Parameters<typeof createVirtualFunctions>[1]['perFunction'];
}

const nvmeRefusals: readonly Refusal[] = [
  { what: 'none', count: 0, code: 'virtual-function-settings', message: /is 0; it can be a whole number from 1 to 4/ },
  { what: 'more than there are', count: 5, code: 'too-many-virtual-functions', message: /at most 4/ },
  {
    what: 'more queues than there are',
    count: 2,
    perFunction: [{ queues: 7 }],
    code: 'virtual-function-resources',
    message: /2 functions need at least 2 queues each: 8 queues are free/,
  },
  {
    what: 'more than there are altogether',
    count: 2,
    perFunction: [{ queues: 5 }, { queues: 4 }],
    code: 'virtual-function-resources',
    message: /more was asked for than there is: 8 queues are free/,
  },
  {
    what: 'more than one may have',
    count: 1,
    perFunction: [{ queues: 9 }],
    code: 'virtual-function-resources',
    message: /at most 8 queues to one function; 9 were asked for/,
  },
  {
    what: 'one queue',
    perFunction: [{ queues: 1 }],
    code: 'virtual-function-settings',
    message: /queues is 1; it can be a whole number from 2 to 65535/,
  },
  {
    what: 'an address for a disk',
    perFunction: [{ mac: '52:54:00:00:00:01' }],
    code: 'virtual-function-settings',
    message: /mac is no setting of an NVMe controller, whose virtual functions have queues, interrupts only/,
  },
  {
    what: 'settings for more functions than asked for',
    perFunction: [{}, {}],
    code: 'virtual-function-settings',
    message: /settings for 2 functions, and 1 would be created/,
  },
];
const cardRefusals: readonly Refusal[] = [
  {
    what: 'a multicast address',
    perFunction: [{ mac: '53:54:00:00:00:01' }],
    code: 'virtual-function-settings',
    message: /multicast/,
  },
  {
    what: 'no address at all',
    perFunction: [{ mac: '00:00:00:00:00:00' }],
    code: 'virtual-function-settings',
    message: /of no interface/,
  },
  {
    what: 'half an address',
    perFunction: [{ mac: '52:54:00' }],
    code: 'virtual-function-settings',
    message: /'52:54:00' is no MAC address/,
  },
  {
    what: 'one address for two',
    count: 2,
    perFunction: [{ mac: '52:54:00:00:00:01' }, { mac: '52-54-0-0-0-1' }],
    code: 'virtual-function-settings',
    message: /two functions would have the MAC address 52:54:00:00:00:01/,
  },
  {
    what: 'a VLAN that is reserved',
    perFunction: [{ vlan: 4095 }],
    code: 'virtual-function-settings',
    message: /vlan is 4095; it can be a whole number from 0 to 4094/,
  },
];

for (const [description, physicalFunction, refusals] of [
  [nvmeSriovHost(), pf, nvmeRefusals],
  [cardHost(), card.address, cardRefusals],
] as const) {
  for (const { what, code, message, count = 1, perFunction = [] } of refusals) {
    test(`${what}: refused before anything is changed`, async () => {
      const host = fakeHost(description);
      await assert.rejects(createVirtualFunctions(host, { physicalFunction, count, perFunction }), { code, message });
      assert.deepEqual(host.actions.acts, []);
      assert.equal(host.records.locks.size, 0);
    });
  }
}

test('a function without SR-IOV, and one that is a virtual function itself', async () => {
  const host = fakeHost(nvmeSriovHost());
  const request = { physicalFunction: '0000:00:04.0', count: 1 };
  await assert.rejects(createVirtualFunctions(host, request), { code: 'not-a-physical-function' });
  await createVirtualFunctions(host, { physicalFunction: pf, count: 1 });
  await assert.rejects(createVirtualFunctions(host, { physicalFunction: '0000:01:00.1', count: 1 }), {
    code: 'not-a-physical-function',
    message: /is itself a virtual function, of 0000:01:00.0/,
  });
  await assert.rejects(createVirtualFunctions(host, { physicalFunction: '0000:09:00.0', count: 1 }), {
    code: 'no-such-function',
  });
});

test('a physical function that is dismounted, and one that has functions already', async () => {
  const away = fakeHost(nvmeSriovHost());
  await dismount(away, [pf]);
  await assert.rejects(createVirtualFunctions(away, { physicalFunction: pf, count: 1 }), {
    code: 'physical-function-away',
    message: /dda mount 0000:01:00.0/,
  });
  const host = fakeHost(nvmeSriovHost());
  await createVirtualFunctions(host, { physicalFunction: pf, count: 1 });
  await assert.rejects(createVirtualFunctions(host, { physicalFunction: pf, count: 2 }), {
    code: 'virtual-functions-exist',
    message: /has virtual functions already: 0000:01:00.1.*dda vf remove 0000:01:00.0/,
  });
});
