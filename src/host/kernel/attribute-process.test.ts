import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { AttributeProcess } from './attribute-process.ts';
import { kernelActions } from './kernel-actions.ts';

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'dda-attributes-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

async function started(t: TestContext): Promise<AttributeProcess> {
  const attributes = new AttributeProcess();
  t.after(() => attributes.close());
  assert.equal(attributes.ask({ path: '/dev/null', value: 'x' }, 1_000), undefined);
  attributes.start();
  await untilIdle(attributes);
  return attributes;
}

async function untilIdle(attributes: AttributeProcess): Promise<void> {
  for (let waitedMs = 0; !attributes.isIdle; waitedMs += 5) {
    assert.ok(waitedMs < 10_000, 'it never gets ready');
    await delay(5);
  }
}

test('it writes and reads, one after the other, and says what the kernel refuses', async (t) => {
  const path = join(directory(t), 'driver_override');
  writeFileSync(path, '');
  const attributes = await started(t);
  const written = attributes.ask({ path, value: 'vfio-pci\n' }, 5_000);
  assert.equal(attributes.ask({ path }, 5_000), undefined, 'it does one thing at a time');
  assert.deepEqual(await written, { outcome: 'done', text: '' });
  assert.equal(readFileSync(path, 'utf8'), 'vfio-pci\n');
  assert.deepEqual(await attributes.ask({ path }, 5_000), { outcome: 'done', text: 'vfio-pci\n' });
  assert.deepEqual(await attributes.ask({ path: `${path}-not`, value: 'x' }, 5_000), {
    outcome: 'failed',
    code: 'ENOENT',
    text: 'No such file or directory',
  });
});

test('an act that does not end is given up with its process, and the next process takes over', async (t) => {
  const fifo = join(directory(t), 'fifo');
  execFileSync('mkfifo', [fifo]);
  const attributes = await started(t);
  // Nobody reads it: opening it to write waits.
  assert.deepEqual(await attributes.ask({ path: fifo, value: 'x' }, 50), {
    outcome: 'failed',
    code: 'ETIMEDOUT',
    text: 'not finished after 0.05 s',
  });
  await untilIdle(attributes);
  assert.deepEqual(await attributes.ask({ path: '/dev/null', value: 'x' }, 5_000), { outcome: 'done', text: '' });
});

test('while it is busy, others act all the same', async (t) => {
  const path = directory(t);
  const [fifo, file] = [join(path, 'fifo'), join(path, 'attribute')];
  execFileSync('mkfifo', [fifo]);
  writeFileSync(file, '');
  const actions = kernelActions(await started(t));
  const busy = actions.write(fifo, 'x', 500);
  assert.deepEqual(await actions.write(file, 'vfio-pci', 5_000), { outcome: 'done' });
  assert.equal(readFileSync(file, 'utf8'), 'vfio-pci');
  assert.equal((await busy).outcome, 'failed');
});
