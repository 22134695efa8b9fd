/** However the process that booted a rig ends, the rig's QEMU ends too, and nothing stays in the temporary directory. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { REPOSITORY } from '../../rig/index.ts';

test('a rig does not outlive a process that is killed', async () => {
  const temporary = mkdtempSync(join(tmpdir(), 'dda-test-'));
  const program = `
    const { bootRig } = await import('${REPOSITORY}/rig/index.ts');
    console.log((await bootRig({ memoryMib: 1024 })).pid);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = (await once(child.stdout, 'data')) as [Buffer];
  const qemu = `/proc/${printed.toString().trim()}`;
  assert.ok(existsSync(qemu), `${qemu} is there while its owner lives`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  for (let waited = 0; existsSync(qemu) && waited < 100; waited++) await sleep(50);
  assert.ok(!existsSync(qemu), `${qemu} has gone with its owner`);
  assert.deepEqual(readdirSync(temporary), []);
  rmdirSync(temporary);
});
