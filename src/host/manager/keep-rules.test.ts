import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { by, display, FakeMachine, machineDescription, nvme, sound, spec } from '../testing/fake-machine.ts';
import { keepRulesFile } from './keep-rules.ts';

const rule = (name: string): string =>
  `ACTION=="add", SUBSYSTEM=="pci", KERNEL=="${name}", ATTR{vendor}=="0x1b36", ATTR{device}=="0x0010", ATTR{driver_override}="vfio-pci"`;

test('what is dismounted is reserved from the next start of the host on, until it is mounted', async (t) => {
  const m = new FakeMachine();
  t.after(() => m.dispose());
  const written: string[] = [];
  const rules = (): string[] => (written.at(-1) ?? '').split('\n').filter((line) => line.startsWith('ACTION'));
  await m.start({ keepRules: { write: (text) => written.push(text) } });
  assert.deepEqual(rules(), []);
  await m.manager.dismount({ functions: [display] }, by);
  await m.manager.dismount({ functions: [nvme] }, by);
  assert.deepEqual(rules(), [rule(nvme), rule(display), rule(sound)]);
  const before = written.length;
  await m.manager.createVm({ name: 'web', spec }, by);
  await m.manager.add({ vm: 'web', function: nvme }, by);
  await m.manager.remove({ vm: 'web', function: nvme }, by);
  assert.equal(written.length, before, 'lending changes nothing about that');
  await m.manager.mount({ functions: [nvme] }, by);
  assert.deepEqual(rules(), [rule(display), rule(sound)]);
});

test('what could not be written is told, and nothing else waits for it', async (t) => {
  const m = new FakeMachine();
  t.after(() => m.dispose());
  const problems: unknown[] = [];
  const full = new Error('no space left on device');
  const write = (): void => {
    throw full;
  };
  await m.start({ keepRules: { write }, onProblem: (error) => problems.push(error) });
  await m.manager.dismount({ functions: [nvme] }, by);
  assert.equal(m.owner(nvme), 'pool');
  assert.deepEqual(problems, [full, full]);
});

test('the file is replaced as a whole, and only when it changes', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'dda-rules-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'rules.d', '50-dda.rules');
  keepRulesFile(path).write('one\n');
  keepRulesFile(path).write('one\n');
  keepRulesFile(path).write('other\n');
  assert.equal(readFileSync(path, 'utf8'), 'other\n');
  assert.deepEqual(readdirSync(join(directory, 'rules.d')), ['50-dda.rules']);
});

test('a function that no driver got hold of when the host started goes to its driver when it is mounted', async (t) => {
  const m = new FakeMachine();
  t.after(() => m.dispose());
  await m.start();
  await m.manager.dismount({ functions: [nvme] }, by);
  await m.manager.close();
  // As the rules make it: reserved, and with no driver.
  const { functions, ...rest } = machineDescription();
  m.reboot({ ...rest, functions });
  await m.host.actions.write('/sys/bus/pci/drivers/nvme/unbind', nvme);
  await m.host.actions.write(`/sys/bus/pci/devices/${nvme}/driver_override`, 'vfio-pci');
  await m.start();
  await m.clock.pass(1_000);
  assert.deepEqual([m.owner(nvme), m.host.actions.driverOf(nvme)], ['pool', 'vfio-pci']);
  await m.manager.mount({ functions: [nvme] }, by);
  assert.deepEqual([m.owner(nvme), m.host.actions.driverOf(nvme)], ['host', 'nvme']);
  assert.equal(m.host.actions.overrideOf(nvme), undefined);
});
