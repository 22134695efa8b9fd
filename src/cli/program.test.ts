import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { reasonCodes } from '../host/index.ts';
import { fakeHost, nvmeHost } from '../host/testing/index.ts';
import { runCli } from './testing/run-cli.ts';

const bdf = '0000:01:00.0';

test('--version', async () => {
  assert.deepEqual(await runCli(fakeHost(nvmeHost()), ['--version']), { exitCode: 0, output: '1.2.3\n', notices: '' });
});

test('help names every command and has examples, for each command too', async () => {
  const { output, exitCode } = await runCli(fakeHost(nvmeHost()), ['--help']);
  assert.equal(exitCode, 0);
  for (const command of ['check', 'survey', 'dismount', 'mount', 'demo', 'completion']) {
    assert.match(output, new RegExp(`^  ${command}\\b`, 'm'));
    const help = await runCli(fakeHost(nvmeHost()), [command, '--help']);
    assert.equal(help.exitCode, 0);
    if (command !== 'check') assert.match(help.output, /Examples:\n {2}dda /);
  }
});

for (const [what, args, told] of [
  ['an unknown command', ['dismont', bdf], /unknown command 'dismont'\n\(Did you mean dismount\?\)/],
  ['an unknown option', ['survey', '--jsn'], /unknown option '--jsn'\n\(Did you mean --json\?\)/],
  ['a missing address', ['dismount'], /missing required argument 'BDF'/],
  ['an unknown shell', ['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
  ['too many arguments', ['check', 'everything'], /too many arguments/],
  ['a malformed address', ['mount', '1:0'], /\[pci-address-malformed\]: "1:0" is not a PCI address/],
] as const) {
  test(`${what} is told as such, with exit code 2`, async () => {
    const { exitCode, output, notices } = await runCli(fakeHost(nvmeHost()), args);
    assert.deepEqual([exitCode, output], [2, '']);
    assert.match(notices, told);
  });
}

test('a wrong command line with --json is a JSON document too', async () => {
  const { exitCode, output } = await runCli(fakeHost(nvmeHost()), ['mount', '--json']);
  assert.equal(exitCode, 2);
  assert.deepEqual(JSON.parse(output), {
    ok: false,
    error: { code: 'usage', message: "missing required argument 'BDF'" },
  });
});

test('survey as a table', async () => {
  const { output } = await runCli(fakeHost(nvmeHost({}, { mounts: [{ source: '/dev/nvme0n1p1', at: '/' }] })), [
    'survey',
  ]);
  assert.equal(
    output,
    [
      'FUNCTION      GROUP  DRIVER    VERDICT         BECAUSE    WHAT IT IS',
      '0000:00:04.0  3      pcieport  not assignable  machinery  PCI bridge: Red Hat, Inc. 1b36:000c',
      '0000:01:00.0  5      nvme      not assignable  in-use     NVMe controller: Red Hat, Inc. QEMU NVM Express Controller',
      '',
    ].join('\n'),
  );
});

test('survey of one function, with every reason and what would change it', async () => {
  const { output } = await runCli(fakeHost(nvmeHost({}, { mounts: [{ source: '/dev/nvme0n1p1', at: '/' }] })), [
    'survey',
    '01:00.0',
  ]);
  assert.equal(
    output,
    [
      '0000:01:00.0  NVMe controller: Red Hat, Inc. QEMU NVM Express Controller',
      '  location    PCIROOT(0)#PCI(0400)#PCI(0000)',
      '  kind        PCI Express endpoint',
      '  driver      nvme',
      '  IOMMU group 5 (alone)',
      '  ACS         0000:00:04.0 on',
      '  NUMA node   0',
      '  BARs        0: 16 KiB memory64',
      '  MMIO        a guest needs 16 KiB above 4 GiB',
      '  interrupts  MSI-X 16, line',
      '  resets      function level (FLR), bus',
      '  disks       nvme0n1, nvme0n1p1',
      '  verdict     not assignable',
      '  - /dev/nvme0n1p1 is mounted at / (ext4). [in-use]',
      '    → Unmount it first: umount /',
      '',
    ].join('\n'),
  );
});

test('survey as JSON', async () => {
  const processes = [{ id: 1, name: 'init', open: undefined }];
  const { output } = await runCli(fakeHost(nvmeHost({}, { processes })), ['survey', '--json', bdf]);
  assert.deepEqual(JSON.parse(output), {
    functions: [
      {
        address: bdf,
        locationPath: 'PCIROOT(0)#PCI(0400)#PCI(0000)',
        ids: {
          vendor: '1b36',
          device: '0010',
          subsystemVendor: '1af4',
          subsystem: '1100',
          revision: '02',
          class: '010802',
        },
        names: { vendor: 'Red Hat, Inc.', device: 'QEMU NVM Express Controller', class: 'NVMe controller' },
        driver: 'nvme',
        iommuGroup: 5,
        groupMembers: [bdf],
        numaNode: 0,
        bridges: ['0000:00:04.0'],
        kind: 'endpoint',
        enabled: null,
        powerState: null,
        reservedRegions: [{ start: '0xfee00000', end: '0xfeefffff', type: 'msi' }],
        acs: [{ port: '0000:00:04.0', state: 'on' }],
        bars: [{ index: 0, kind: 'memory64', prefetchable: false, sizeBytes: 16384, placed: true }],
        mmio: { below4GiBytes: 0, above4GiBytes: 16384 },
        interrupts: { msix: 16, msi: 0, line: true },
        resetMethods: ['flr', 'bus'],
        sriov: { totalVfs: 0, virtualFunctions: [], physicalFunction: null },
        blockDevices: ['nvme0n1', 'nvme0n1p1'],
        interfaces: [],
        heldBy: [],
        verdict: 'assignable',
        reasons: [],
      },
    ],
    hiddenProcesses: 1,
  });
});

test('survey of a function that is not there', async () => {
  const { exitCode, notices } = await runCli(fakeHost(nvmeHost()), ['survey', '09:00.0']);
  assert.equal(exitCode, 3);
  assert.match(notices, /^error \[no-such-function\]: Can't survey 0000:09:00\.0: /);
});

test('dismount and mount tell their steps and what came of it', async () => {
  const host = fakeHost(nvmeHost());
  const away = await runCli(host, ['dismount', '01:00.0']);
  assert.deepEqual([away.exitCode, away.output], [0, '0000:01:00.0 dismounted: ready to be lent\n']);
  assert.match(away.notices, /^ {2}release 0000:01:00\.0 from nvme \([0-9.]+ ms\)$/m);
  const again = await runCli(host, ['dismount', '01:00.0']);
  assert.equal(again.output, '0000:01:00.0 dismounted already\n');
  const back = await runCli(host, ['mount', '01:00.0']);
  assert.deepEqual([back.exitCode, back.output], [0, '0000:01:00.0 mounted: back at the host\n']);
  assert.equal(host.actions.driverOf(bdf), 'nvme');
});

test('dismount as JSON', async () => {
  const host = fakeHost(nvmeHost());
  const { output, notices } = await runCli(host, ['dismount', '01:00.0', '--json']);
  const report: unknown = JSON.parse(output);
  assert.ok(typeof report === 'object' && report !== null && 'steps' in report && Array.isArray(report.steps));
  assert.deepEqual(
    { ...report, steps: report.steps.length },
    {
      ok: true,
      verb: 'dismount',
      moved: [bdf],
      unchanged: [],
      warnings: [],
      steps: 8,
    },
  );
  assert.equal(notices, '');
});

test('a refused dismount: the sentence for people, the JSON for programs, and its exit code', async () => {
  const host = fakeHost(nvmeHost({}, { swaps: ['/dev/nvme0n1p1'] }));
  const { exitCode, output, notices } = await runCli(host, ['dismount', '01:00.0', '--json']);
  assert.equal(exitCode, 4);
  assert.match(notices, /^error \[function-in-use\]: Can't dismount 0000:01:00\.0: .*swapoff/);
  const document: unknown = JSON.parse(output);
  assert.ok(typeof document === 'object' && document !== null && 'error' in document);
  const { code, asked } = document.error as Record<string, unknown>;
  assert.deepEqual([code, asked], ['function-in-use', `dismount ${bdf}`]);
});

test('a forced dismount warns of what it broke', async () => {
  const host = fakeHost(nvmeHost({}, { swaps: ['/dev/nvme0n1p1'] }));
  const { exitCode, notices } = await runCli(host, ['dismount', '--force', bdf]);
  assert.equal(exitCode, 0);
  assert.match(notices, /^warning: Programs whose memory was swapped out would be killed\.$/m);
});

test('an error that nobody planned for is told as a bug', async () => {
  const host = fakeHost(nvmeHost());
  host.actions.sabotage = () => {
    throw new TypeError('oops');
  };
  const { exitCode, notices } = await runCli(host, ['dismount', bdf]);
  assert.equal(exitCode, 1);
  assert.match(notices, /error \[unexpected\]: oops\nThis is a bug in dda\./);
});

test('check, on a machine that has everything and on one that has not', async () => {
  const good = await runCli(fakeHost(nvmeHost()), ['check']);
  assert.equal(good.exitCode, 0);
  assert.match(good.output, /^ok {7}kvm\n {9}KVM runs guests here \(AMD SVM\)\.$/m);
  const bad = await runCli(fakeHost(nvmeHost()), ['check', '--json'], { iommuGroups: 0 });
  assert.equal(bad.exitCode, 5);
  const document: unknown = JSON.parse(bad.output);
  assert.ok(typeof document === 'object' && document !== null && 'ok' in document && 'checks' in document);
  assert.equal(document.ok, false);
  assert.deepEqual((document.checks as unknown[])[2], {
    code: 'iommu',
    state: 'missing',
    sentence: 'There is no IOMMU group: the IOMMU is off or absent.',
    remedy: 'Turn on AMD-Vi (often just "IOMMU") in the firmware.',
  });
});

test('docs/cli.md lists every reason of the survey with its meaning, and no other', () => {
  const text = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \| (?:blocks|risk|note) \| (.*?) \|$/gm)];
  assert.deepEqual(Object.fromEntries(rows.map(([, code, meaning]) => [code, meaning])), reasonCodes);
});
