import assert from 'node:assert/strict';
import test from 'node:test';
import { fakeHost } from '../testing/fake-host.ts';
import { nvmeHost } from '../testing/hosts.ts';
import { dismount, mountUnheld } from './move.ts';
import { rehearseMount } from './rehearse-mount.ts';

const name = '0000:01:00.0';

test('a rehearsed mount is planned as the real one, and changes nothing', async () => {
  const host = fakeHost(nvmeHost());
  await dismount(host, [name]);
  const before = [...host.actions.acts];
  const { steps } = await rehearseMount(host, [name]);
  assert.deepEqual([host.actions.acts, host.actions.driverOf(name)], [before, 'vfio-pci']);
  assert.equal(host.records.dismounted.size, 1);
  const report = await mountUnheld(host, [name]);
  assert.deepEqual(
    report.steps.map(({ intent }) => intent),
    steps.map(({ intent }) => intent),
  );
});
