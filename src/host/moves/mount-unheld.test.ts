import assert from 'node:assert/strict';
import test from 'node:test';
import type { HostError } from '../errors.ts';
import { fakeHost } from '../testing/fake-host.ts';
import { nvmeHost } from '../testing/hosts.ts';
import { dismount, mountUnheld } from './move.ts';

const name = '0000:01:00.0';
const node = '/dev/vfio/5';

test('a function goes home without a look at the rest of the host', async () => {
  const host = fakeHost(nvmeHost());
  await dismount(host, [name]);
  const looked: string[] = [];
  const tree = new Proxy(host.tree, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      return (path: string, ...rest: unknown[]): unknown => {
        looked.push(path);
        return Reflect.apply(value, target, [path, ...rest]);
      };
    },
  });
  const report = await mountUnheld({ ...host, tree }, [name]);
  assert.deepEqual(report.moved, [name]);
  assert.equal(host.actions.driverOf(name), 'nvme');
  assert.equal(host.records.dismounted.size, 0);
  assert.deepEqual(
    looked.filter((path) => path.includes('0000:00:04.0/vendor') || path === '/proc'),
    [],
  );
});

test('one that somebody holds after all is not taken from them', async () => {
  const host = fakeHost(nvmeHost());
  await dismount(host, [name]);
  host.actions.heldNodes.add(node);
  await assert.rejects(mountUnheld(host, [name]), (error: HostError) => error.code === 'function-held');
  assert.equal(host.actions.driverOf(name), 'vfio-pci');
});
