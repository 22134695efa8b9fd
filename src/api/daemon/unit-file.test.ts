import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const path = fileURLToPath(new URL('../../../packaging/dda.service', import.meta.url));
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

test('systemd finds nothing wrong with the unit', { skip: !hasSystemd }, () => {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
  assert.deepEqual([status, stdout, stderr], [0, '', '']);
});

test('what VMs live by: the unit leaves their processes and what they listen on alone', () => {
  const lines = new Set(readFileSync(path, 'utf8').split('\n'));
  for (const line of ['Type=notify', 'KillMode=process', 'OOMPolicy=continue', 'RuntimeDirectoryPreserve=yes']) {
    assert.ok(lines.has(line), line);
  }
  // The daemon makes /sys and devices what they are.
  for (const line of lines)
    assert.doesNotMatch(line, /^(?:PrivateDevices|ProtectKernelTunables|ProtectKernelModules|DeviceAllow)=/);
});
