import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test, { type TestContext } from 'node:test';
import { ScriptedManager, served } from '../../api/testing/index.ts';
import { BASE_COMMAND_LINE } from '../../host/index.ts';
import { fakeHost, nvmeHost } from '../../host/testing/index.ts';
import { tinyBzImage } from '../../vm/testing/index.ts';
import { type CliResult, runCli } from '../testing/run-cli.ts';

interface Bench {
  readonly manager: ScriptedManager;
  readonly kernel: string;
  readonly initrd: string;
  readonly create: (...args: string[]) => Promise<CliResult>;
}

async function bench(t: TestContext): Promise<Bench> {
  const directory = mkdtempSync(join(tmpdir(), 'dda-create-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const [kernel, initrd] = [join(directory, 'vmlinuz'), join(directory, 'initrd')];
  writeFileSync(kernel, tinyBzImage());
  writeFileSync(initrd, 'cpio');
  const manager = new ScriptedManager();
  const { socketPath } = await served(t, manager);
  const host = fakeHost(nvmeHost());
  const create = (...args: string[]): Promise<CliResult> =>
    runCli(host, ['vm', 'create', 'web', ...args], {}, '/nonexistent', socketPath);
  return { manager, kernel, initrd, create };
}

test('the same guest as with vm run: its command line begins alike, and every BAR of the host has room', async (t) => {
  const { manager, kernel, initrd, create } = await bench(t);
  const args = ['--kernel', kernel, '--kaslr', '--initrd', initrd, '--cmdline', 'loglevel=7'];
  const { exitCode, output, notices } = await create(...args, '--memory', '1G', '--cpus', '2');
  assert.deepEqual([exitCode, output, notices], [0, 'web runs in process 4711\n', '']);
  assert.deepEqual(
    manager.asked.map(({ verb, request }) => [verb, request]),
    [
      [
        'create-vm',
        {
          name: 'web',
          spec: {
            kernel,
            initramfs: initrd,
            commandLine: `${BASE_COMMAND_LINE} loglevel=7`,
            memoryBytes: 2 ** 30,
            cpuCount: 2,
            // Of one NVMe controller with a BAR of 16 KiB, twice, then once.
            highWindowBytes: [32768, 16384],
          },
        },
      ],
    ],
  );
});

test('a window that was named is taken as it is, and a driver beside an initramfs is not', async (t) => {
  const { manager, kernel, initrd, create } = await bench(t);
  const args = ['--kernel', kernel, '--kaslr', '--initrd', initrd, '--driver', 'nvme', '--window', '4G'];
  const { notices } = await create(...args, '--window', '1G');
  assert.match(notices, /^warning: .*initrd is used as it is: --modules and --driver add nothing to it\.\n$/);
  const windows = manager.asked.map(
    ({ request }) => (request as { spec: { highWindowBytes: number[] } }).spec.highWindowBytes,
  );
  assert.deepEqual(windows, [[2 ** 32, 2 ** 30]]);
});

test('disks are named to the daemon by whole paths, and have room', async (t) => {
  const { manager, kernel, initrd, create } = await bench(t);
  const guest = ['--kernel', kernel, '--kaslr', '--initrd', initrd];
  const { exitCode, notices } = await create(...guest, '--disk', '/srv/data.img', '--disk', 'tools.img,ro');
  assert.equal(exitCode, 0, notices);
  const [asked] = manager.asked as readonly { readonly request: { readonly spec: Record<string, unknown> } }[];
  assert.deepEqual(asked?.request.spec['disks'], [
    { path: '/srv/data.img', readOnly: false },
    { path: resolve('tools.img'), readOnly: true },
  ]);
  assert.deepEqual(asked.request.spec['highWindowBytes'], [3 * 32768, 3 * 16384]);
});

test('what can not be prepared is refused here, and the daemon is never asked', async (t) => {
  const { manager, kernel, initrd, create } = await bench(t);
  for (const [args, code] of [
    [['--kernel', '/nowhere/vmlinuz'], 'kernel-unreadable'],
    [['--kernel', kernel, '--kaslr'], 'guest-modules-missing'],
    [['--kernel', kernel, '--initrd', '/nowhere/initrd'], 'file-unreadable'],
    [['--kernel', kernel, '--initrd', initrd, '--run', 'script.sh'], 'options-conflict'],
  ] as const) {
    const { exitCode, notices } = await create(...args);
    assert.notEqual(exitCode, 0);
    assert.match(notices, new RegExp(`^error \\[${code}\\]`));
  }
  assert.deepEqual(manager.asked, []);
});
