import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootRig, REPOSITORY, type Rig } from '../../rig/index.ts';
import { bundleProduct } from '../../scripts/bundle.ts';
import { tinyKernel } from './manager-in-rig.ts';

const first = '0000:01:00.0';
const second = '0000:02:00.0';
/** The host is emulated, and the machine under it may be busy. */
const PATIENCE_MS = 60_000;

async function bundledCli(): Promise<string> {
  const directory = join(REPOSITORY, 'dist/test-plugging');
  await bundleProduct(directory);
  await writeFile(join(directory, 'tiny-kernel'), tinyKernel());
  return directory;
}

class Host {
  readonly #rig: Rig;
  readonly #cli: string;

  constructor(rig: Rig, cli: string) {
    this.#rig = rig;
    this.#cli = cli;
  }

  async dda(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#rig.run(['node', this.#cli, ...args]);
    assert.equal(exitCode, 0, `dda ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** Gives what ends the daemon, in order or (SIGKILL) not. */
  async serve(): Promise<(how: 'SIGTERM' | 'SIGKILL') => Promise<void>> {
    let said = '';
    const daemon = this.#rig.start(['node', this.#cli, 'serve'], {
      onOutput: (_stream, bytes) => {
        said += new TextDecoder().decode(bytes);
      },
    });
    await until(
      'the daemon is ready',
      async () => said.includes('"msg":"ready"'),
      () => said,
    );
    return async (how) => {
      daemon.signal(how);
      const { exitCode } = await daemon.ended;
      if (how === 'SIGTERM') assert.equal(exitCode, 0, said);
    };
  }

  async driverOf(name: string): Promise<string> {
    const { stdout } = await this.#rig.run(['readlink', `/sys/bus/pci/devices/${name}/driver`]);
    return stdout.trim().split('/').at(-1) ?? '';
  }

  async line(name: string): Promise<string> {
    const list = await this.dda('list');
    return list.split('\n').find((line) => line.startsWith(name)) ?? '';
  }
}

async function until(what: string, holds: () => Promise<boolean>, tell: () => string): Promise<void> {
  for (const endMs = Date.now() + PATIENCE_MS; !(await holds()); await sleep(100)) {
    assert.ok(Date.now() < endMs, `in vain: ${what}\n${tell()}`);
  }
}

test('dismounted stays dismounted when the device is pulled and plugged in again, lent or not', async () => {
  const programs = await bundledCli();
  await using rig = await bootRig({ nvmeControllers: 2 });
  const host = new Host(rig, join(programs, 'main.js'));
  let endDaemon = await host.serve();
  await host.dda('dismount', first);
  const seen = async (name: string, what: RegExp): Promise<void> => {
    let line = '';
    await until(
      `${name} is ${what.source}`,
      async () => {
        line = await host.line(name);
        return what.test(line);
      },
      () => line,
    );
  };

  // Nobody has it. Its host driver is loaded: the other controller is the host's.
  await rig.unplug('nvme0');
  await seen(first, /unplugged/);
  assert.equal(await host.driverOf(first), '');
  await rig.plug('nvme0');
  await seen(first, /in pool default$/);
  assert.equal(await host.driverOf(first), 'vfio-pci');
  assert.equal(await host.driverOf(second), 'nvme');

  // A VM has it: it is taken at once.
  const kernel = join(programs, 'tiny-kernel');
  // The guest never looks at what it is given as an initramfs.
  await host.dda('vm', 'create', 'web', '--kernel', kernel, '--initrd', kernel, '--memory', '64M');
  await host.dda('add', 'web', first);
  await rig.unplug('nvme0');
  await seen(first, /unplugged/);
  await rig.plug('nvme0');
  await seen(first, /in pool default$/);
  assert.equal(await host.driverOf(first), 'vfio-pci');

  // With nobody to tell: its VM process lets go all the same, or the rig's kernel would not, and `unplug` fail.
  await host.dda('add', 'web', first);
  await endDaemon('SIGKILL');
  await rig.unplug('nvme0');
  endDaemon = await host.serve();
  await seen(first, /unplugged/);
  await rig.plug('nvme0');
  await seen(first, /in pool default$/);

  // Mounted, it is the host's again, and stays so.
  await host.dda('vm', 'stop', 'web');
  await host.dda('mount', first);
  await rig.unplug('nvme0');
  await rig.plug('nvme0');
  await seen(first, /at the host/);
  await until(
    'its driver has it',
    async () => (await host.driverOf(first)) === 'nvme',
    () => '',
  );
  await endDaemon('SIGTERM');
});
