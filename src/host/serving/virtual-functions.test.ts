import assert from 'node:assert/strict';
import test from 'node:test';
import { readVirtualFunctions } from '../sriov/read-virtual-functions.ts';
import { fakeHost } from '../testing/fake-host.ts';
import { nvmeSriovHost } from '../testing/sriov-hosts.ts';
import { virtualFunctionsOf } from './virtual-functions.ts';

const physical = '0000:01:00.0';

test('queues and interrupts of an NVMe controller reach its virtual functions, with a driver or without', async () => {
  const host = fakeHost(nvmeSriovHost());
  const port = virtualFunctionsOf(host);
  for (const [drivenBy, driver] of [
    ['host', 'nvme'],
    ['nobody', undefined],
  ] as const) {
    await port.shape(physical, { count: 1, settings: [{ queues: 3, interrupts: 2 }], drivenBy });
    const { functions } = await readVirtualFunctions(host, physical);
    assert.deepEqual(
      functions.map((fn) => [fn.driver, fn.nvme?.queues, fn.nvme?.interrupts]),
      [[driver, 3, 2]],
    );
  }
  await port.shape(physical, { count: 0, settings: [], drivenBy: 'host' });
  assert.deepEqual((await readVirtualFunctions(host, physical)).functions, []);
});
