import assert from 'node:assert/strict';
import test from 'node:test';
import { cardHost, fakeHost, nvmeHost, nvmeSriovHost } from '../../host/testing/index.ts';
import { runCli } from '../testing/run-cli.ts';

test('create tells its steps and what came of it; list and remove follow', async () => {
  const host = fakeHost(nvmeSriovHost());
  const created = await runCli(host, ['vf', 'create', '01:00.0', '--count', '2', '--queues', '3']);
  assert.equal(created.exitCode, 0, created.notices);
  assert.match(created.notices, / {2}create 2 virtual functions of 0000:01:00.0 \(\d/);
  assert.equal(
    created.output,
    '0000:01:00.1 created, dismounted: ready to be lent, controller 1 online, 3 queues, 2 interrupts\n' +
      '0000:01:00.2 created, dismounted: ready to be lent, controller 2 online, 3 queues, 2 interrupts\n',
  );
  const listed = await runCli(host, ['vf', 'list']);
  assert.deepEqual(listed.output.split('\n').slice(0, 3), [
    'FUNCTION        GROUP  DRIVER    WHAT IT HAS',
    '0000:01:00.0    -      nvme      2 of 4 functions, 2 of 8 queues free, 0 of 4 interrupts free',
    '  0000:01:00.1  20     vfio-pci  controller 1 online, 3 queues, 2 interrupts',
  ]);
  const refused = await runCli(host, ['vf', 'remove', '01:00.0']);
  assert.equal(refused.exitCode, 4);
  assert.match(refused.notices, /^error \[virtual-functions-lent\]/);
  const removed = await runCli(host, ['vf', 'remove', '01:00.0', '--include-dismounted']);
  assert.equal(removed.output, '0000:01:00.1 removed\n0000:01:00.2 removed\n');
  const again = await runCli(host, ['vf', 'remove', '01:00.0']);
  assert.equal(again.output, '0000:01:00.0 has no virtual functions\n');
});

test('settings of a network card, as JSON', async () => {
  const host = fakeHost(cardHost());
  const macs = ['--mac', '52:54:00:00:00:01', '--mac', '52:54:00:00:00:02'];
  const args = [
    'vf',
    'create',
    '02:00.0',
    '--count',
    '3',
    ...macs,
    '--vlan',
    '42',
    '--no-trust',
    '--to',
    'host',
    '--json',
  ];
  const { output, notices } = await runCli(host, args);
  assert.equal(notices, '');
  const { ok, functions } = JSON.parse(output) as { ok: boolean; functions: { network: unknown; driver: string }[] };
  assert.equal(ok, true);
  assert.deepEqual(
    functions.map(({ driver, network }) => [driver, network]),
    [
      ['igbvf', { mac: '52:54:00:00:00:01', vlan: 42, trust: false, spoofCheck: true }],
      ['igbvf', { mac: '52:54:00:00:00:02', vlan: 42, trust: false, spoofCheck: true }],
      ['igbvf', { vlan: 42, trust: false, spoofCheck: true }],
    ],
  );
  const listed = JSON.parse((await runCli(host, ['vf', 'list', '02:00.0', '--json'])).output) as {
    physicalFunctions: { physicalFunction: string; totalVfs: number }[];
  };
  assert.deepEqual(
    listed.physicalFunctions.map(({ physicalFunction, totalVfs }) => [physicalFunction, totalVfs]),
    [['0000:02:00.0', 3]],
  );
});

test('more addresses than functions, and a number that makes no sense', async () => {
  const host = fakeHost(cardHost());
  const macs = ['--mac', '52:54:00:00:00:01', '--mac', '52:54:00:00:00:02'];
  const many = await runCli(host, ['vf', 'create', '02:00.0', '--count', '1', ...macs]);
  assert.equal(many.exitCode, 2);
  assert.match(many.notices, /settings for 2 functions, and 1 would be created/);
  const vlan = await runCli(host, ['vf', 'create', '02:00.0', '--count', '1', '--vlan', '4095']);
  assert.equal(vlan.exitCode, 2);
  assert.deepEqual(host.actions.acts, []);
});

test('a host without SR-IOV', async () => {
  const { output } = await runCli(fakeHost(nvmeHost()), ['vf', 'list']);
  assert.equal(output, 'No function of this host has SR-IOV.\n');
});
