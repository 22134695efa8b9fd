import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { initramfsScript, type KeptFunction } from './initramfs-script.ts';

const nvme: KeptFunction = { name: '0000:01:00.0', ids: '1b36:0010' };
const nic: KeptFunction = { name: '0000:00:1f.6', ids: '8086:15b8' };

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'dda-boot-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

test('nothing but addresses and ids gets into what root runs', () => {
  for (const wrong of [
    { name: '0000:01:00.0"', ids: '1b36:0010' },
    { name: '$(reboot)', ids: '1b36:0010' },
    { name: '0000:01:00.0', ids: '1b36:0010\n' },
  ]) {
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
