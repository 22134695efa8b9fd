import assert from 'node:assert/strict';
import test from 'node:test';
import { fakeHost } from '../testing/fake-host.ts';
import type { FakeHost } from '../testing/fake-host.ts';
import { nvmeHost } from '../testing/hosts.ts';
import { verifyGroup } from './verify.ts';

const name = '0000:01:00.0';
const node = '/dev/vfio/5';

function dismountedHost(changes: Parameters<typeof nvmeHost>[0] = {}): FakeHost {
  return fakeHost(nvmeHost({ driver: 'vfio-pci', override: 'vfio-pci', ...changes }));
}

/** Whatever comes out, nobody is kept out any longer than that. */
async function findingOf(host: FakeHost, { reset = true, isHeld = false } = {}): Promise<string | undefined> {
  const found = await verifyGroup(host, [name], reset);
  assert.equal(host.actions.heldNodes.has(node), isHeld);
  return found.get(name)?.finding;
}

test('nobody has it: it is reset, and nobody gets in meanwhile', async () => {
  const host = dismountedHost();
  let heldDuringReset = false;
  host.actions.sabotage = ({ path }) => {
    heldDuringReset ||= path.endsWith('/reset') && host.actions.heldNodes.has(node);
    return undefined;
  };
  assert.equal(await findingOf(host), 'clean');
  assert.ok(heldDuringReset);
});

test('as it is: nothing is reset', async () => {
  const host = dismountedHost();
  assert.equal(await findingOf(host, { reset: false }), 'clean');
  assert.deepEqual(host.actions.acts, []);
});

test('somebody has it: nothing is touched', async () => {
  const host = dismountedHost();
  host.actions.heldNodes.add(node);
  assert.equal(await findingOf(host, { isHeld: true }), 'held');
  assert.deepEqual(host.actions.acts, []);
});

test('somebody lets go a moment later: that is waited for', async () => {
  const host = dismountedHost();
  host.actions.heldNodes.add(node);
  let polls = 0;
  const patient: FakeHost = {
    ...host,
    sleep: async () => {
      polls += 1;
      if (polls === 3) host.actions.heldNodes.delete(node);
    },
  };
  assert.equal(await findingOf(patient), 'clean');
});

test('it has no reset, or one that fails, or hangs, or leaves it silent or reaching for memory', async () => {
  assert.equal(await findingOf(dismountedHost({ reset: 'absent' })), 'no-reset');
  const failing = dismountedHost();
  failing.actions.sabotage = () => ({ outcome: 'failed', code: 'ENOTTY', text: 'Inappropriate ioctl for device' });
  assert.equal(await findingOf(failing), 'reset-failed');
  const hanging = dismountedHost();
  hanging.actions.sabotage = () => ({ outcome: 'stuck', processId: 3, afterMs: 15_000 });
  assert.equal(await findingOf(hanging), 'stuck');
  const path = '/sys/devices/pci0000:00/0000:00:04.0/0000:01:00.0/config';
  const silent = dismountedHost();
  silent.tree.file(path, new Uint8Array(64).fill(0xff));
  assert.equal(await findingOf(silent), 'reset-failed');
  const busy = dismountedHost();
  const config = busy.tree.bytes(path, 64) ?? assert.fail('no configuration space');
  config[4] = 0x04;
  busy.tree.file(path, config);
  assert.equal(await findingOf(busy), 'reset-failed');
});

test('it has left, also while it was being reset', async () => {
  const gone = dismountedHost();
  gone.tree.remove(`/sys/bus/pci/devices/${name}`);
  assert.equal((await verifyGroup(gone, [name], true)).get(name)?.finding, 'gone');
  const leaving = dismountedHost();
  leaving.actions.sabotage = () => {
    leaving.tree.remove(`/sys/bus/pci/devices/${name}`);
    return { outcome: 'failed', code: 'ENOENT', text: 'No such file or directory' };
  };
  assert.equal((await verifyGroup(leaving, [name], true)).get(name)?.finding, 'gone');
});

test('the host’s driver has it: it is left alone; no driver has it: it is reset', async () => {
  const host = dismountedHost({ driver: 'nvme' });
  assert.equal(await findingOf(host), 'unbound');
  assert.deepEqual(host.actions.acts, []);
  const none = dismountedHost();
  await none.actions.write('/sys/bus/pci/drivers/vfio-pci/unbind', name);
  assert.equal(await findingOf(none), 'unbound');
  assert.ok(none.actions.acts.some((act) => act.endsWith('/reset <- 1')));
});

test('it is being unplugged: that is waited for', async () => {
  const host = dismountedHost();
  host.tree.remove(node);
  const patient: FakeHost = {
    ...host,
    sleep: async () => void host.tree.remove(`/sys/bus/pci/devices/${name}`),
  };
  assert.equal(await findingOf(patient), 'gone');
});

test('its group has no node: nobody can say who has it', async () => {
  const host = dismountedHost();
  host.tree.remove(node);
  assert.equal(await findingOf(host), 'stuck');
});
