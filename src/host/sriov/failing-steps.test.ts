import assert from 'node:assert/strict';
import test from 'node:test';
import type { ActOutcome } from '../moves/ports.ts';
import { fakeHost } from '../testing/fake-host.ts';
import type { FakeHost } from '../testing/fake-host.ts';
import { card, cardHost, nvmeSriovHost } from '../testing/sriov-hosts.ts';
import { createVirtualFunctions } from './create-virtual-functions.ts';
import { readVirtualFunctions } from './read-virtual-functions.ts';
import { removeVirtualFunctions } from './remove-virtual-functions.ts';

const pf = '0000:01:00.0';
const path = `/sys/bus/pci/devices/${pf}`;
const virtual = '0000:01:00.1';
const stuck = { outcome: 'stuck', processId: 4242, afterMs: 30_000 } as const;

const refusedWith = (code: string, text: string): ActOutcome => ({ outcome: 'failed', code, text });
const create = (host: FakeHost, physicalFunction = pf) => createVirtualFunctions(host, { physicalFunction, count: 1 });

/** As it was before: no virtual function, none remembered, drivers let in again, nothing locked. */
function assertUntouched(host: FakeHost): void {
  assert.ok(!host.tree.exists(`/sys/bus/pci/devices/${virtual}`));
  assert.equal(host.records.dismounted.size, 0);
  assert.equal(host.tree.text(`${path}/sriov_drivers_autoprobe`), '1');
  assert.equal(host.records.locks.size, 0);
}

test('the driver of the physical function refuses', async () => {
  const host = fakeHost(nvmeSriovHost());
  host.actions.sabotage = ({ path: written }) =>
    written.endsWith('sriov_numvfs') ? refusedWith('ENOENT', 'No such file or directory') : undefined;
  await assert.rejects(create(host), {
    code: 'sriov-refused',
    message: /could not create 1 virtual functions of 0000:01:00.0: the kernel answered "No such file or directory"/,
  });
  assertUntouched(host);
});

test('the kernel creates fewer than it was asked for', async () => {
  const host = fakeHost(nvmeSriovHost());
  host.actions.sabotage = ({ path: written, value }) =>
    written.endsWith('sriov_numvfs') && value === '1' ? { outcome: 'done' } : undefined;
  await assert.rejects(create(host), { code: 'sriov-refused', message: /there are 0: none/ });
  assertUntouched(host);
});

test('the controller refuses a share', async () => {
  const host = fakeHost(nvmeSriovHost({ most: 8 }));
  const controller = host.actions.sriov.controllers.get('/dev/nvme0');
  assert.ok(controller !== undefined);
  // Another host of the same subsystem is quicker.
  host.actions.sabotage = ({ path: written }) => {
    if (written.endsWith('sriov_numvfs')) Object.assign(controller.secondaries[0] ?? {}, { online: true });
    return undefined;
  };
  await assert.rejects(create(host), {
    code: 'sriov-refused',
    message: /\/dev\/nvme0 refused command 0x1c: the secondary controller is not in a state for that \(status 0x120\)/,
  });
  assertUntouched(host);
});

test('the controller says yes and does something else', async () => {
  const host = fakeHost(nvmeSriovHost());
  const controller = host.actions.sriov.controllers.get('/dev/nvme0');
  assert.ok(controller !== undefined);
  const send = controller.send.bind(controller);
  controller.send = (commands) => {
    const completions = send(commands);
    if (commands[0]?.opcode === 0x1c) Object.assign(controller.secondaries[0] ?? {}, { queues: 3 });
    return completions;
  };
  await assert.rejects(create(host), {
    code: 'sriov-refused',
    message: /of controller 1 the device says that it is online with 3 queues and 4 interrupts/,
  });
  assertUntouched(host);
});

test('a virtual function can not be dismounted', async () => {
  const host = fakeHost(nvmeSriovHost());
  host.actions.sabotage = ({ path: written, value }) =>
    written.endsWith('vfio-pci/bind') && value === virtual ? refusedWith('EINVAL', 'Invalid argument') : undefined;
  await assert.rejects(create(host), { code: 'driver-change-failed' });
  assertUntouched(host);
});

test('a setting that the card does not know', async () => {
  const host = fakeHost(cardHost());
  host.actions.sriov.links.unsupported.add(9);
  const request = { physicalFunction: card.address, count: 1, perFunction: [{ trust: true }] };
  await assert.rejects(createVirtualFunctions(host, request), {
    code: 'sriov-refused',
    message: /could not set up virtual function 0 of eth0: the kernel answered "Operation not supported"/,
  });
  assert.ok(!host.tree.exists('/sys/bus/pci/devices/0000:02:10.0'));
});

test('a card that keeps another address than the one it was given', async () => {
  const host = fakeHost(cardHost());
  const { links } = host.actions.sriov;
  const exchange = links.exchange.bind(links);
  links.exchange = (message) => {
    const answer = exchange(message);
    links.cards.get(2)?.[0]?.mac.set([0x52, 0x54, 0, 0, 0, 0xff]);
    return answer;
  };
  const perFunction = [{ mac: '52:54:00:00:00:01' }];
  await assert.rejects(createVirtualFunctions(host, { physicalFunction: card.address, count: 1, perFunction }), {
    code: 'sriov-refused',
    message: /has the MAC address 52:54:00:00:00:ff instead of 52:54:00:00:00:01/,
  });
});

test('a write that never ends marks the physical function, and nothing else is tried on it', async () => {
  const host = fakeHost(nvmeSriovHost());
  host.tree.file('/proc/4242/stat', `4242 (dd) D ${'0 '.repeat(18)}9 0\n`);
  host.actions.sabotage = ({ path: written }) => (written.endsWith('sriov_numvfs') ? stuck : undefined);
  await assert.rejects(create(host), {
    code: 'driver-change-stuck',
    details: { function: pf, processId: 4242, afterMs: 30_000 },
  });
  assert.equal(host.actions.acts.at(-1), `${path}/sriov_numvfs <- 1`);
  assert.equal(host.records.stuck.get(pf)?.processId, 4242);
  await assert.rejects(create(host), { code: 'operation-stuck' });
  await assert.rejects(removeVirtualFunctions(host, pf), { code: 'operation-stuck' });
});

test('a controller that does not answer is told as such, by every command that asks it', async () => {
  const host = fakeHost(nvmeSriovHost());
  host.actions.silentDevice = { outcome: 'failed', code: 'ETIMEDOUT', text: 'not finished after 30 s' };
  const told = { code: 'sriov-refused', message: /not finished after 30 s/ };
  await assert.rejects(create(host), told);
  await assert.rejects(readVirtualFunctions(host, pf), told);
  assert.deepEqual(host.actions.acts, []);
});

test('undoing fails too: both are told, and where to look', async () => {
  const host = fakeHost(nvmeSriovHost());
  host.actions.sabotage = ({ path: written, value }) => {
    if (written.endsWith('vfio-pci/bind')) return refusedWith('EINVAL', 'Invalid argument');
    return written.endsWith('sriov_numvfs') && value === '0'
      ? refusedWith('EBUSY', 'Device or resource busy')
      : undefined;
  };
  await assert.rejects(create(host), {
    code: 'undo-failed',
    message: /Then it could not remove the virtual functions of 0000:01:00.0 again: .*busy.*dda vf list 0000:01:00.0/,
  });
});

test('shares that can not be taken back after a removal are no failure of it', async () => {
  const host = fakeHost(nvmeSriovHost());
  await create(host);
  const controller = host.actions.sriov.controllers.get('/dev/nvme0');
  assert.ok(controller !== undefined);
  const send = controller.send.bind(controller);
  controller.send = (commands) =>
    commands[0]?.opcode === 0x1c ? [{ status: 6, result: 0, data: new Uint8Array(0) }] : send(commands);
  const { removed } = await removeVirtualFunctions(host, pf, { includeDismounted: true });
  assert.deepEqual(removed, [virtual]);
  controller.send = send;
  // The next creation takes them back itself.
  const report = await create(host);
  assert.equal(report.functions[0]?.nvme?.queues, 8);
});
