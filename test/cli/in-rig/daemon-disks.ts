import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { dda, until } from '../../host/in-rig/rig-functions.ts';
import { cli, guest, guestScript, VmProcess, waitForDisk } from './vm-process.ts';

const MIB = 2 ** 20;

/** Of root alone: a VM process could not open it. */
function file(name: string, sizeBytes: number): string {
  const path = `/tmp/${name}.img`;
  writeFileSync(path, '');
  truncateSync(path, sizeBytes);
  chmodSync(path, 0o600);
  return path;
}

const [data, tools] = [file('data', 16 * MIB), file('tools', MIB)];
writeFileSync(tools, 'what the host had put there', { flag: 'r+' });

const script = guestScript(
  'daemon-disks',
  `${waitForDisk}
  n=0; while [ ! -b /dev/nvme1n1 ] && [ $n -lt 600 ]; do usleep 50000; n=$((n+1)); done
  dd if=/dev/nvme1n1 bs=27 count=1 2>/dev/null | dd of=/dev/nvme0n1 bs=512 count=1 conv=sync oflag=direct 2>/dev/null
  echo "read-only: $(cat /sys/block/nvme0n1/ro) $(cat /sys/block/nvme1n1/ro)"
  dd if=/dev/zero of=/dev/nvme1n1 bs=512 count=1 oflag=direct 2>/dev/null || echo not-written
  read -r line`,
);

const daemon = spawn(process.execPath, [cli, 'serve'], { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
let said = '';
for (const stream of [daemon.stdout, daemon.stderr])
  stream.setEncoding('utf8').on('data', (text) => void (said += text));

const create = (name: string, ...args: string[]) => dda('vm', 'create', name, ...guest, ...args);

before(() => until('the daemon is ready', () => (said.includes('"msg":"ready"') ? true : undefined)));
after(async () => {
  daemon.kill('SIGTERM');
  if (daemon.exitCode === null) await once(daemon, 'close');
});

test("a VM of the daemon has files of root's as disks, though its process can open none of them", async () => {
  const created = await create('web', '--disk', data, '--disk', `${tools},ro`, '--run', script);
  assert.equal(created.exitCode, 0, created.notices + said);
  await until('the guest has copied', () => {
    return readFileSync(data).subarray(0, 27).toString() === 'what the host had put there' ? true : undefined;
  });
});

test('what is no disk, or is one already, is refused with the code of dda vm run, and no VM is left', async () => {
  const odd = file('odd', 1000);
  for (const [disk, code, exitCode] of [
    ['/nowhere/x.img', 'file-unreadable', 3],
    ['/tmp', 'disk-malformed', 5],
    [odd, 'disk-malformed', 5],
    [data, 'disk-in-use', 4],
    [`${data},ro`, 'disk-in-use', 4],
    [tools, 'disk-in-use', 4],
  ] as const) {
    const refused = await create('other', '--disk', disk);
    assert.match(refused.notices, new RegExp(`\\[${code}\\]: Can't use ${disk.replace(',ro', '')} as a disk: `));
    assert.equal(refused.exitCode, exitCode, disk);
  }
  const twice = await create('other', '--disk', `${tools},ro`, '--disk', `${tools},ro`);
  assert.match(twice.notices, /\[disk-in-use\].*it is disk0 of the same VM already/);
  const { vms } = JSON.parse((await dda('vm', 'list', '--json')).output) as {
    readonly vms: readonly { name: string }[];
  };
  assert.deepEqual(
    vms.map(({ name }) => name),
    ['web'],
  );
});

test('a VM of a terminal may read what this one only reads, and gets the other file when this one has ended', async () => {
  const copy = guestScript('read-back', `${waitForDisk}; dd if=/dev/nvme0n1 bs=27 count=1 2>/dev/null; echo`);
  const reader = new VmProcess([...guest, '--disk', `${tools},ro`, '--run', copy]);
  assert.equal(await reader.ended, 0, reader.output + reader.notices);
  assert.match(reader.output, /what the host had put there/);
  assert.equal((await dda('vm', 'stop', 'web')).exitCode, 0);
  const next = new VmProcess([...guest, '--disk', data, '--run', copy]);
  assert.equal(await next.ended, 0, next.output + next.notices);
  assert.match(next.output, /what the host had put there/);
});

test('the same through a private daemon', async () => {
  daemon.kill('SIGTERM');
  await once(daemon, 'close');
  const write = guestScript(
    'private-disk',
    `${waitForDisk}; echo from a private VM | dd of=/dev/nvme0n1 bs=512 count=1 conv=sync,fsync 2>/dev/null`,
  );
  const vm = new VmProcess([...guest, '--private-daemon', '--disk', data, '--run', write]);
  assert.equal(await vm.ended, 0, vm.output + vm.notices);
  assert.equal(readFileSync(data).subarray(0, 17).toString(), 'from a private VM');
});
