import assert from 'node:assert/strict';
import test from 'node:test';
import { HostError } from '../errors.ts';
import { fakeHost } from '../testing/fake-host.ts';
import type { FakeHost } from '../testing/fake-host.ts';
import { nvmeHost } from '../testing/hosts.ts';
import type { ActOutcome } from './ports.ts';
import { dismount, mount } from './move.ts';

const bdf = '0000:01:00.0';
const mate = { address: '0000:01:00.1', below: ['0000:00:04.0'], driver: 'snd_hda_intel', class: '040300', group: 5 };
const busy: ActOutcome = { outcome: 'failed', code: 'EBUSY', text: 'Device or resource busy' };

function failAt(host: FakeHost, pattern: RegExp, outcome: ActOutcome, times = 1): void {
  let left = times;
  host.actions.sabotage = ({ path, value }) => {
    if (left === 0 || !pattern.test(`${path} ${value}`)) return undefined;
    left -= 1;
    return outcome;
  };
}

async function failure(act: () => Promise<unknown>): Promise<HostError> {
  const error = await act().then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof HostError, String(error));
  return error;
}

function assertHome(host: FakeHost): void {
  assert.equal(host.actions.driverOf(bdf), 'nvme');
  assert.equal(host.actions.overrideOf(bdf), undefined);
  assert.equal(host.records.dismounted.size, 0);
  assert.equal(host.records.locks.size, 0);
}

for (const [what, pattern] of [
  ['reserving', /driver_override vfio-pci/],
  ['releasing', /nvme\/unbind/],
  ['binding', /vfio-pci\/bind/],
] as const) {
  test(`a dismount whose ${what} fails leaves the function at the host`, async () => {
    const host = fakeHost(nvmeHost());
    failAt(host, pattern, busy);
    const error = await failure(() => dismount(host, [bdf]));
    assert.equal(error.code, 'driver-change-failed');
    assert.match(error.message, /dda could not .* the kernel answered "Device or resource busy"/);
    assertHome(host);
  });
}

test('a dismount of two functions that fails at the second takes the first back', async () => {
  const host = fakeHost(nvmeHost({}, { functions: [mate] }));
  failAt(host, /snd_hda_intel\/unbind/, busy);
  await failure(() => dismount(host, [bdf, mate.address]));
  assertHome(host);
  assert.equal(host.actions.driverOf(mate.address), 'snd_hda_intel');
});

test('a driver that takes the function without complaint, but does not have it then', async () => {
  const host = fakeHost(nvmeHost());
  failAt(host, /vfio-pci\/bind/, { outcome: 'done' });
  const error = await failure(() => dismount(host, [bdf]));
  assert.equal(error.code, 'driver-change-failed');
  assert.match(error.obstacle, /no driver took it/);
  assertHome(host);
});

test('no rights', async () => {
  const host = fakeHost(nvmeHost());
  failAt(host, /driver_override vfio-pci/, { outcome: 'failed', code: 'EACCES', text: 'Permission denied' });
  const error = await failure(() => dismount(host, [bdf]));
  assert.equal(error.code, 'not-permitted');
  assert.equal(error.exitCode, 7);
  assertHome(host);
});

test('a mount whose binding fails leaves the function dismounted, as it was', async () => {
  const host = fakeHost(nvmeHost());
  await dismount(host, [bdf]);
  failAt(host, /drivers\/nvme\/bind/, { outcome: 'failed', code: 'EIO', text: 'Input/output error' });
  const error = await failure(() => mount(host, [bdf]));
  assert.equal(error.code, 'driver-change-failed');
  assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
  assert.equal(host.actions.overrideOf(bdf), 'vfio-pci');
  assert.equal(host.records.dismounted.get(bdf)?.hostDriver, 'nvme');
  host.actions.sabotage = () => undefined;
  await mount(host, [bdf]);
  assertHome(host);
});

test('a release that gets stuck marks the function, and nothing more is tried on it', async () => {
  const host = fakeHost(nvmeHost({}, { processes: [{ id: 99, name: 'dd', open: [] }] }));
  failAt(host, /nvme\/unbind/, { outcome: 'stuck', processId: 99, afterMs: 30_250 });
  const error = await failure(() => dismount(host, [bdf]));
  assert.equal(error.code, 'driver-change-stuck');
  assert.match(error.obstacle, /has not finished it after 30\.25 s, and goes on by itself \(process 99\)/);
  assert.equal(host.actions.acts.length, 2);
  assert.deepEqual(host.records.stuck.get(bdf), {
    function: bdf,
    processId: 99,
    startTicks: 990,
    intent: 'release 0000:01:00.0 from nvme',
  });
  // What had it is still known, for the mount that comes when the kernel has let go.
  assert.equal(host.records.dismounted.get(bdf)?.hostDriver, 'nvme');
});

test('a stuck function does not keep the others of the same command from going back', async () => {
  const processes = [{ id: 99, name: 'dd', open: [] }];
  const host = fakeHost(nvmeHost({}, { functions: [mate], processes }));
  failAt(host, /snd_hda_intel\/unbind/, { outcome: 'stuck', processId: 99, afterMs: 30_000 });
  await failure(() => dismount(host, [bdf, mate.address]));
  assert.equal(host.actions.driverOf(bdf), 'nvme');
  assert.deepEqual([...host.records.dismounted.keys()], [mate.address]);
});

test('an undo that fails too says where the function stands', async () => {
  const host = fakeHost(nvmeHost());
  host.actions.sabotage = ({ path }) => (path.endsWith('/bind') ? busy : undefined);
  const error = await failure(() => dismount(host, [bdf]));
  assert.equal(error.code, 'undo-failed');
  assert.match(
    error.obstacle,
    /could not bind 0000:01:00\.0 to vfio-pci: .* Then dda could not bind 0000:01:00\.0 to nvme again: /,
  );
  assert.match(error.remedy, /dda mount 0000:01:00\.0/);
  host.actions.sabotage = () => undefined;
  await mount(host, [bdf]);
  assertHome(host);
});

test('somebody opens the group between the look and the act: the release is not even tried', async () => {
  const host = fakeHost(nvmeHost());
  await dismount(host, [bdf]);
  host.actions.acts.length = 0;
  host.actions.heldNodes.add('/dev/vfio/5');
  const error = await failure(() => mount(host, [bdf]));
  assert.equal(error.code, 'function-held');
  assert.ok(!host.actions.acts.some((line) => line.includes('vfio-pci/unbind')));
  assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
  assert.equal(host.actions.overrideOf(bdf), 'vfio-pci');
});

test('the group node is kept while the driver releases the function, and let go afterwards', async () => {
  const host = fakeHost(nvmeHost());
  await dismount(host, [bdf]);
  let heldDuring = false;
  host.actions.sabotage = ({ path }) => {
    if (path.endsWith('vfio-pci/unbind')) heldDuring = host.actions.heldNodes.has('/dev/vfio/5');
    return undefined;
  };
  await mount(host, [bdf]);
  assert.equal(heldDuring, true);
  assert.equal(host.actions.heldNodes.size, 0);
});

test('an interrupted dismount stops at the next step and takes back what it did', async () => {
  for (const stopAt of [1, 2, 3]) {
    const host = fakeHost(nvmeHost());
    const controller = new AbortController();
    host.actions.sabotage = () => {
      if (host.actions.acts.length === stopAt) controller.abort();
      return undefined;
    };
    const error = await failure(() => dismount(host, [bdf], { signal: controller.signal }));
    assert.equal(error.code, 'interrupted');
    assertHome(host);
  }
});

test('every act can fail, at any point, and the function is at one end or the other', async () => {
  for (const verb of ['dismount', 'mount'] as const) {
    for (let failingAct = 1; failingAct <= 3; failingAct += 1) {
      const host = fakeHost(nvmeHost());
      if (verb === 'mount') await dismount(host, [bdf]);
      host.actions.acts.length = 0;
      host.actions.sabotage = () => (host.actions.acts.length === failingAct ? busy : undefined);
      await failure(() => (verb === 'mount' ? mount(host, [bdf]) : dismount(host, [bdf])));
      const expected = verb === 'mount' ? ['vfio-pci', 'vfio-pci'] : ['nvme', undefined];
      assert.deepEqual(
        [host.actions.driverOf(bdf), host.actions.overrideOf(bdf)],
        expected,
        `${verb}, act ${failingAct}`,
      );
    }
  }
});
