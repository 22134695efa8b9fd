import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { dda, driverOf, end, first, programBeside, second, startHolder } from './rig-functions.ts';

function borrow(): Promise<ChildProcess> {
  return startHolder(process.execPath, programBeside('borrow-functions'), first, second);
}

test('Ctrl-C gives both functions back', async () => {
  const borrower = await borrow();
  assert.deepEqual([driverOf(first), driverOf(second)], ['vfio-pci', 'vfio-pci']);
  assert.deepEqual(await end(borrower, 'SIGINT'), [130, null]);
  assert.deepEqual([driverOf(first), driverOf(second)], ['nvme', 'nvme']);
  assert.ok(!existsSync(`/run/dda/dismounted/${first}.json`));
});

test('SIGKILL leaves them dismounted, the survey says so, and mount restores them', async () => {
  const borrower = await borrow();
  await end(borrower, 'SIGKILL');
  assert.equal(driverOf(first), 'vfio-pci');
  assert.match(
    (await dda('survey', first)).output,
    /\(dda borrow\) dismounted it and ended without giving it back\. \[abandoned\]/,
  );
  const home = await dda('mount', first, second);
  assert.equal(home.exitCode, 0, home.notices);
  assert.deepEqual([driverOf(first), driverOf(second)], ['nvme', 'nvme']);
});
