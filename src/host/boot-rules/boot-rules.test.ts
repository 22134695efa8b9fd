import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { ManagedFunction, ManagerEvent, ManagerSnapshot } from '../manager/manager.ts';
import type { Owner } from '../ownership/owner.ts';
import { followKept } from './kept-functions.ts';
import { initramfsScript, type KeptFunction, udevRules } from './rule-texts.ts';
import { RulesFile } from './rules-file.ts';

const nvme: KeptFunction = { name: '0000:01:00.0', ids: '1b36:0010' };
const nic: KeptFunction = { name: '0000:00:1f.6', ids: '8086:15b8' };

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'dda-boot-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

test('a rule a function: its place and its ids, in order of address', () => {
  assert.equal(
    udevRules([nvme, nic]),
    `# Written by dda, anew with every function that is dismounted or mounted: do not edit.
ACTION=="add", SUBSYSTEM=="pci", KERNEL=="0000:00:1f.6", ATTR{vendor}=="0x8086", ATTR{device}=="0x15b8", ATTR{driver_override}="vfio-pci"
ACTION=="add", SUBSYSTEM=="pci", KERNEL=="0000:01:00.0", ATTR{vendor}=="0x1b36", ATTR{device}=="0x0010", ATTR{driver_override}="vfio-pci"
`,
  );
});

test('nothing but addresses and ids gets into what root runs', () => {
  for (const wrong of [
    { name: '0000:01:00.0"', ids: '1b36:0010' },
    { name: '$(reboot)', ids: '1b36:0010' },
    { name: '0000:01:00.0', ids: '1b36:0010\n' },
  ]) {
    assert.throws(() => udevRules([wrong]), RangeError);
    assert.throws(() => initramfsScript([wrong]), RangeError);
  }
});

test('the initramfs script gives the override to the device that is meant, and to no other in its place', (t) => {
  const root = place(t);
  for (const [name, vendor] of [
    [nvme.name, '0x1b36'],
    [nic.name, '0x10de'],
  ] as const) {
    const directory = join(root, 'sys/bus/pci/devices', name);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'vendor'), `${vendor}\n`);
    writeFileSync(join(directory, 'device'), name === nvme.name ? '0x0010\n' : '0x15b8\n');
    writeFileSync(join(directory, 'driver_override'), '(null)\n');
  }
  const absent = { name: '0000:09:00.0', ids: '1b36:0010' };
  const script = initramfsScript([nvme, nic, absent]);
  const result = spawnSync('sh', ['-c', script.replaceAll('/sys/', `${root}/sys/`)], { encoding: 'utf8' });
  assert.deepEqual([result.status, result.stdout, result.stderr], [0, '', '']);
  const override = ({ name }: KeptFunction): string =>
    readFileSync(join(root, 'sys/bus/pci/devices', name, 'driver_override'), 'utf8');
  assert.equal(override(nvme), 'vfio-pci\n');
  assert.equal(override(nic), '(null)\n');
  assert.equal(spawnSync('sh', ['-c', script, 'dda', 'prereqs'], { encoding: 'utf8' }).stdout, '\n');
});

test('the file is replaced as a whole, and only where something changes', (t) => {
  const path = join(place(t), '10-dda.rules');
  const file = new RulesFile(path);
  file.update([]);
  assert.deepEqual(readdirSync(join(path, '..')), []);
  file.update([nvme]);
  assert.equal(readFileSync(path, 'utf8'), udevRules([nvme]));
  const { ino } = statSync(path);
  file.update([nvme]);
  new RulesFile(path).update([nvme]);
  assert.equal(statSync(path).ino, ino);
  file.update([]);
  assert.equal(readFileSync(path, 'utf8'), udevRules([]));
  assert.deepEqual(readdirSync(join(path, '..')), ['10-dda.rules']);
});

test('a place that can not be written is told, and tried again the next time', (t) => {
  const directory = join(place(t), 'rules.d');
  const file = new RulesFile(join(directory, '10-dda.rules'));
  assert.throws(() => file.update([nvme]), { code: 'ENOENT' });
  mkdirSync(directory);
  file.update([nvme]);
  assert.equal(readdirSync(directory).length, 1);
});

test('what is kept: everything that the host does not have, told together when it changes', async () => {
  const listeners = new Set<(event: ManagerEvent) => void>();
  const fn = (name: string, owner: Owner): ManagedFunction => ({
    name,
    ids: '1b36:0010',
    group: '5',
    physicalFunction: undefined,
    resettable: 'yes',
    present: true,
    owner,
    vm: undefined,
    untilMs: undefined,
    problem: undefined,
  });
  const snapshot: ManagerSnapshot = {
    revision: 0,
    functions: [fn(nvme.name, { kind: 'pool', pool: 'default' }), fn(nic.name, { kind: 'host' })],
    vms: [],
    pools: [],
  };
  const told: string[][] = [];
  const stop = followKept(
    {
      snapshot: () => snapshot,
      on: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    (kept) => told.push(kept.map(({ name }) => name)),
  );
  const emit = (event: ManagerEvent): void => listeners.forEach((listener) => listener(event));
  const changed = (name: string, owner: Owner): void =>
    emit({ revision: 1, at: '', kind: 'function-changed', function: fn(name, owner) });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told, [[nvme.name]]);
  changed(nvme.name, { kind: 'lent', vm: 'web', pool: 'default' });
  await turn();
  assert.equal(told.length, 1);
  changed(nic.name, { kind: 'dismounting', pool: 'default', from: 'host', force: false });
  changed(nic.name, { kind: 'pool', pool: 'default' });
  changed(nvme.name, { kind: 'mounting', pool: 'default' });
  await turn();
  assert.deepEqual(told.slice(1), [[nic.name]]);
  emit({ revision: 2, at: '', kind: 'function-removed', name: nic.name });
  stop();
  assert.deepEqual(told.slice(2), [[]]);
  assert.equal(listeners.size, 0);
});
