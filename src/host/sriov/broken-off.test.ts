import assert from 'node:assert/strict';
import test from 'node:test';
import { fakeHost } from '../testing/fake-host.ts';
import { nvmeSriovHost } from '../testing/sriov-hosts.ts';
import { createVirtualFunctions } from './create-virtual-functions.ts';
import { removeVirtualFunctions } from './remove-virtual-functions.ts';
import { restoreEveryAutoprobe } from './restore-autoprobe.ts';

const pf = '0000:01:00.0';
const autoprobe = `/sys/bus/pci/devices/${pf}/sriov_drivers_autoprobe`;
const create = (host: ReturnType<typeof fakeHost>) => createVirtualFunctions(host, { physicalFunction: pf, count: 2 });

/** A host whose dda was killed just after `sriov_numvfs` was written: nothing after that is done, nor taken back. */
async function brokenOff(): Promise<ReturnType<typeof fakeHost>> {
  const host = fakeHost(nvmeSriovHost());
  const write = host.actions.write.bind(host.actions);
  let killed = () => {};
  const end = new Promise<void>((resolve) => (killed = resolve));
  host.actions.write = async (path, value) => {
    const outcome = await write(path, value);
    if (!path.endsWith('sriov_numvfs')) return outcome;
    killed();
    return new Promise(() => {});
  };
  void create(host);
  await end;
  host.actions.write = write;
  host.records.locks.clear();
  return host;
}

test('what a creation that was killed has set is noted, and put back by the next removal', async () => {
  const host = await brokenOff();
  assert.equal(host.tree.text(autoprobe), '0');
  assert.deepEqual(host.records.getAutoprobe(pf), { function: pf, on: true });
  const { removed } = await removeVirtualFunctions(host, pf);
  assert.equal(removed.length, 2);
  assert.equal(host.tree.text(autoprobe), '1');
  assert.equal(host.records.autoprobe.size, 0);
});

test('the next creation puts back what was there before the one that was killed', async () => {
  const host = await brokenOff();
  await assert.rejects(create(host), { code: 'virtual-functions-exist' });
  assert.equal(host.tree.text(autoprobe), '1');
  await removeVirtualFunctions(host, pf);
  await create(host);
  assert.equal(host.tree.text(autoprobe), '1');
  assert.equal(host.records.autoprobe.size, 0);
});

test('a manager that starts puts it back, but not under the hands of a process that is at it', async () => {
  const host = await brokenOff();
  const busy = { ...host, records: Object.create(host.records, { lock: { value: () => ({ locked: false }) } }) };
  assert.deepEqual(await restoreEveryAutoprobe(busy), []);
  assert.equal(host.tree.text(autoprobe), '0');
  assert.deepEqual(await restoreEveryAutoprobe(host), []);
  assert.equal(host.tree.text(autoprobe), '1');
  assert.equal(host.records.autoprobe.size, 0);
});

test('one that can not be put back is told and stays noted; one of a device that is gone is forgotten', async () => {
  const host = await brokenOff();
  host.records.writeAutoprobe({ function: '0000:77:00.0', on: true });
  host.actions.sabotage = ({ path }) =>
    path === autoprobe ? { outcome: 'failed', code: 'EIO', text: 'Input/output error' } : undefined;
  const problems = await restoreEveryAutoprobe(host);
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['sriov-refused'],
  );
  assert.deepEqual([...host.records.listAutoprobe().keys()], [pf]);
});
