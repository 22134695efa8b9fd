import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { initScript } from './init-script.ts';
import { buildInitrd, guestInitrd, readStaticBusybox } from './initrd.ts';
import { readCpio } from './testing/read-cpio.ts';
import { tinyExecutable, tinyModule } from './testing/tiny-elf.ts';

const BUSYBOX = tinyExecutable(0x400000, []);
const MODULES = [
  { name: 'hv_vmbus', bytes: Uint8Array.of(1, 2, 3) },
  { name: 'nvme', bytes: Uint8Array.of(4) },
];

test('everything in its place, with its mode', () => {
  const members = readCpio(
    buildInitrd(BUSYBOX, {
      modules: MODULES,
      run: '#!/bin/sh\nexit 3\n',
      files: [{ kind: 'file', path: 'etc/motd', data: Buffer.from('hi') }],
    }),
  );
  assert.deepEqual(
    members.map(({ path, mode }) => `${mode.toString(8)} ${path}`),
    [
      '40755 dev',
      '20600 dev/console',
      '20666 dev/null',
      '40755 proc',
      '40755 sys',
      '40700 root',
      '41777 tmp',
      '40755 bin',
      '100755 bin/busybox',
      '120777 bin/sh',
      '100755 init',
      '40755 lib',
      '40755 lib/dda',
      '100644 lib/dda/hv_vmbus.ko',
      '100644 lib/dda/nvme.ko',
      '100755 dda-run',
      '40755 etc',
      '100644 etc/motd',
    ],
  );
  const content = (path: string): string => members.find((member) => member.path === path)?.data.toString() ?? '';
  assert.equal(content('dda-run'), '#!/bin/sh\nexit 3\n');
  assert.match(content('init'), /^#!\/bin\/busybox sh\n/);
  assert.match(content('init'), /\/dda-run /);
});

test('the same contents give the same bytes', () => {
  assert.deepEqual(buildInitrd(BUSYBOX, { modules: MODULES }), buildInitrd(BUSYBOX, { modules: MODULES }));
});

test('init with a script to run', () => {
  const script = initScript({ modules: [{ name: 'hv_vmbus', options: "max_version=0x50003 x='1'" }], hasRun: true });
  assert.equal(
    script,
    `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
read -r uptime rest </proc/uptime
echo "dda-guest: up $uptime"
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
export PATH=/bin HOME=/root TERM="\${TERM:-vt100}"
cd /root
insmod /lib/dda/hv_vmbus.ko 'max_version=0x50003' 'x='\\''1'\\''' || echo 'dda-guest: problem: the module hv_vmbus was refused'
read -r uptime rest </proc/uptime
echo "dda-guest: modules loaded $uptime"
/dda-run </dev/console
echo "dda-guest: exit $?"
sync
poweroff -f
`,
  );
});

test('init without one gives a shell with job control on the console', () => {
  const script = initScript({ modules: [], hasRun: false });
  assert.match(script, /\nsetsid cttyhack sh\nsync\npoweroff -f\n$/);
  assert.doesNotMatch(script, /insmod|dda-run/);
});

test('a file that is already there is refused', () => {
  assert.throws(
    () => buildInitrd(BUSYBOX, { modules: [], files: [{ kind: 'file', path: '/init', data: new Uint8Array() }] }),
    { code: 'archive-entry' },
  );
});

test('busybox must be there, a program, and static', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'dda-busybox-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const file = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(directory, name), bytes);
    return join(directory, name);
  };
  assert.deepEqual(Buffer.from(await readStaticBusybox(file('static', BUSYBOX))), BUSYBOX);
  await assert.rejects(readStaticBusybox(join(directory, 'absent')), {
    code: 'busybox-missing',
    message: /busybox-static/,
  });
  await assert.rejects(readStaticBusybox(file('script', Buffer.from('#!/bin/sh'))), { code: 'busybox-missing' });
  const dynamic = tinyExecutable(0x400000, [
    { type: 3, physicalAddress: 0, bytes: Buffer.from('/lib64/ld-linux-x86-64.so.2') },
  ]);
  await assert.rejects(readStaticBusybox(file('dynamic', dynamic)), { code: 'busybox-dynamic' });
});

test('the whole of it: modules in load order, options from the command line', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'dda-initrd-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const put = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(directory, name), bytes);
    return join(directory, name);
  };
  put('hv_vmbus.ko', tinyModule(['depends=']));
  put('pci-hyperv.ko', tinyModule(['depends=hv_vmbus']));
  put('igbvf.ko', tinyModule(['depends=']));
  const archive = await guestInitrd({
    modulesDirectory: directory,
    commandLine: 'quiet hv_vmbus.max_version=0x40001',
    drivers: ['igbvf'],
    busyboxPath: put('busybox', BUSYBOX),
  });
  const init = readCpio(archive).find(({ path }) => path === 'init');
  assert.deepEqual(init?.data.toString().match(/(?<=insmod )[^|]+(?= \|)/g), [
    "/lib/dda/hv_vmbus.ko 'max_version=0x40001'",
    '/lib/dda/pci_hyperv.ko',
    '/lib/dda/igbvf.ko',
  ]);
});
