import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dda, first, groupOf, run, second } from './rig-functions.ts';

interface Surveyed {
  readonly address: string;
  readonly driver: string | null;
  readonly iommuGroup: number | null;
  readonly locationPath: string;
  readonly verdict: string;
  readonly resetMethods: readonly string[] | null;
  readonly interrupts: { readonly msix: number } | null;
  readonly sriov: { readonly totalVfs: number };
  readonly blockDevices: readonly string[];
  readonly reasons: readonly { readonly code: string; readonly sentence: string }[];
}

// The command as people run it, and not from the checkout.
const main = process.env['DDA_CLI'] ?? assert.fail('DDA_CLI is not set');
const output = run('sh', '-c', `cd / && exec "${process.execPath}" "${main}" survey --json`);
const { functions } = JSON.parse(output) as { readonly functions: readonly Surveyed[] };

test('the survey of the rig has every function that sysfs has', () => {
  assert.ok(functions.length >= 6);
  assert.ok(functions.some((fn) => fn.address === first) && functions.some((fn) => fn.address === second));
});

test('an NVMe controller is assignable, with all that there is to know of it', () => {
  const nvme = functions.find((fn) => fn.address === first);
  assert.equal(nvme?.verdict, 'assignable', JSON.stringify(nvme?.reasons));
  assert.equal(nvme?.driver, 'nvme');
  assert.equal(nvme?.iommuGroup, Number(groupOf(first)));
  assert.match(nvme?.locationPath ?? '', /^PCIROOT\(0\)#PCI\([0-9A-F]{4}\)#PCI\(0000\)$/);
  assert.ok(nvme?.resetMethods?.includes('flr'));
  assert.ok((nvme?.interrupts?.msix ?? 0) > 1);
  assert.ok((nvme?.sriov.totalVfs ?? 0) > 0);
  assert.equal(nvme?.blockDevices.length, 1);
});

test('root ports are parts of the machine', () => {
  const port = functions.find((fn) => fn.driver === 'pcieport');
  assert.deepEqual([port?.verdict, port?.reasons.map((reason) => reason.code)], ['not assignable', ['machinery']]);
});

test('the function through which the rig has its root directory is in use', () => {
  const share = functions.find((fn) => fn.reasons.some((reason) => /is mounted at .* \(9p\)/.test(reason.sentence)));
  assert.equal(share?.verdict, 'not assignable');
});

test('the machine is ready to lend functions', async () => {
  const check = await dda('check', '--json');
  assert.equal(check.exitCode, 0, check.output);
  assert.deepEqual((JSON.parse(check.output) as { readonly ok: boolean }).ok, true);
});

test('a capture of the rig, surveyed again, tells the same as the rig itself', async () => {
  const file = `/tmp/capture-${process.pid}.json.gz`;
  const written = await dda('survey', '--capture', file);
  assert.equal(written.exitCode, 0, written.output);
  const again = await dda('survey', '--from', file, '--json');
  // Not what was looked at before the other tests: disks get new names when their driver has them again.
  const here = await dda('survey', '--json');
  assert.deepEqual(JSON.parse(again.output), { ...(JSON.parse(here.output) as object), hiddenProcesses: 0 });
});
