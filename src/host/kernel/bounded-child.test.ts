import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { runBounded } from './bounded-child.ts';
import { kernelActions } from './kernel-actions.ts';

test('a write replaces what the attribute held, in one go', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'dda-write-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'driver_override');
  writeFileSync(path, '');
  assert.deepEqual(await kernelActions().write(path, 'vfio-pci', 5_000), { outcome: 'done' });
  assert.equal(readFileSync(path, 'utf8'), 'vfio-pci');
});

test('a write that the kernel refuses gives its reason', async () => {
  const outcome = await kernelActions().write('/proc/self/nothing', 'x', 5_000);
  assert.equal(outcome.outcome, 'failed');
  assert.deepEqual(await kernelActions().write('/dev/full', 'x', 5_000), {
    outcome: 'failed',
    code: undefined,
    text: 'No space left on device',
  });
});

test('a program that is not there', async () => {
  const outcome = await runBounded('dda-no-such-program', [], '', 5_000);
  assert.deepEqual([outcome.outcome, outcome.outcome === 'failed' && /ENOENT/.test(outcome.text)], ['failed', true]);
});

test('a child that takes too long is ended', async () => {
  const startedAt = performance.now();
  const outcome = await runBounded('sleep', ['60'], '', 50);
  assert.deepEqual(outcome, { outcome: 'failed', code: 'ETIMEDOUT', text: 'not finished after 0.05 s' });
  assert.ok(performance.now() - startedAt < 5_000);
});

test('a child that can not be ended is left alone, and its process is named', async () => {
  // A child whose end is never seen is as good as one that hangs in the kernel: its shell dies, its sleeper keeps the pipe.
  const outcome = await runBounded('sh', ['-c', 'sleep 2 >&2 & wait'], '', 50);
  assert.equal(outcome.outcome, 'stuck');
  assert.ok(outcome.outcome === 'stuck' && outcome.processId > 0 && outcome.afterMs >= 250);
});
