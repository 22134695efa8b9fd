import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { dismount, mount, openHost, type VmProcess } from '../../../src/host/index.ts';
import { VmProcesses } from '../../../src/host/vm-processes/vm-processes.ts';
import { readLimit, Resource } from '../../../src/linux/index.ts';
import { ATTEMPTS, type AttemptResult } from '../../../src/linux/testing/attempts.ts';
import { NVME, orderOf, required, Talk, VM_NAME } from './vm.ts';

const vms = new VmProcesses({ warn: (text) => assert.fail(text) });
let vm: VmProcess;
let talk: Talk;
let processId: number;

const NAMESPACES = ['mnt', 'net', 'pid', 'ipc', 'uts'];
/** Filters: of the thread that started it, of its start, of its guest. */
const FILTERS = 3;

/** One line of /proc/PID/task/TID/status for each thread. */
function ofThreads(key: string): string[] {
  return readdirSync(`/proc/${processId}/task`).map((tid) => {
    const status = readFileSync(`/proc/${processId}/task/${tid}/status`, 'utf8');
    return new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  });
}

function openFiles(): string[] {
  const directory = `/proc/${processId}/fd`;
  return readdirSync(directory).map((fd) => `${fd} ${readlinkSync(`${directory}/${fd}`)}`);
}

/** System calls of the process that the kernel's audit says were refused. */
function audited(): Set<number> {
  const lines = execFileSync('dmesg', { encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\n');
  const refused = lines.flatMap((line) => /type=1326 .* uid=19\d{8} .* syscall=(\d+)/.exec(line)?.[1] ?? []);
  return new Set(refused.map(Number));
}

/** What the escaped guest was told, once it has written all of it. */
async function attempts(): Promise<readonly AttemptResult[]> {
  process.kill(processId, 'SIGUSR2');
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    const said = readFileSync(`/proc/${processId}/fd/2`, 'utf8');
    const found = /^dda-attempts: (\[.*\])$/m.exec(said)?.[1];
    if (found !== undefined) return JSON.parse(found) as AttemptResult[];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('nothing came of the attempts');
}

before(async () => {
  await dismount(openHost('dda test'), [NVME]);
  const spec = {
    memoryBytes: 384 * 1024 * 1024,
    cpuCount: 2,
    kernel: required('DDA_GUEST_VMLINUX'),
    initramfs: required('DDA_GUEST_INITRD'),
    commandLine: 'console=ttyS0 panic=-1 mitigations=off cryptomgr.notests quiet',
  };
  vm = await vms.start(VM_NAME, spec, (mark) => {
    processId = mark.processId;
  });
  talk = new Talk(vm);
  await talk.expect('dda-test: ready');
  assert.deepEqual(await vm.lend(orderOf(1)), { outcome: 'lent' });
  await talk.verifyDisk(1);
});
after(async () => {
  vm.kill();
  await vm.ended;
  await vms.close();
});

test('it has namespaces of its own, and an empty directory for its file system', () => {
  for (const name of NAMESPACES) {
    assert.notEqual(readlinkSync(`/proc/${processId}/ns/${name}`), readlinkSync(`/proc/self/ns/${name}`), name);
  }
  assert.deepEqual(readdirSync(`/proc/${processId}/root/`), []);
  assert.equal(readlinkSync(`/proc/${processId}/cwd`), '/');
  const mounts = readFileSync(`/proc/${processId}/mountinfo`, 'utf8').trim().split('\n');
  assert.equal(mounts.length, 1, mounts.join('\n'));
  assert.match(mounts[0] ?? '', / \/ \/ ro,nosuid,nodev,noexec/);
  const links = readFileSync(`/proc/${processId}/net/dev`, 'utf8').trim().split('\n').slice(2);
  assert.deepEqual(
    links.map((line) => line.trim().split(':')[0]),
    ['lo'],
  );
  assert.ok(ofThreads('NSpid').every((ids) => ids.split('\t').length === 2));
});

test('every thread is under the filters, without capabilities', () => {
  const filters = ofThreads('Seccomp_filters');
  assert.ok(filters.length >= 8, `there are ${filters.length} threads`);
  assert.deepEqual([...new Set(filters)], [String(FILTERS)]);
  assert.deepEqual([...new Set(ofThreads('NoNewPrivs'))], ['1']);
  for (const key of ['CapPrm', 'CapEff', 'CapAmb']) {
    assert.deepEqual([...new Set(ofThreads(key))], ['0000000000000000'], key);
  }
});

test('what it does by itself is not refused: starting, booting, a function that is lent, the disk', async () => {
  // libc looks at the kernel's memory policy, and V8's library at a clock: both do without.
  const late = new Set([257]);
  await vm.revoke(NVME);
  assert.deepEqual(await vm.lend(orderOf(2)), { outcome: 'lent' });
  await talk.verifyDisk(2);
  assert.deepEqual(
    [...audited()].filter((call) => !late.has(call)),
    [],
  );
});

const controlGroup = (): string => readFileSync(`/proc/${processId}/cgroup`, 'utf8').trim();

test('its limits', () => {
  assert.equal(controlGroup(), `0::/dda/${VM_NAME}-${processId}`);
  assert.equal(readLimit(Resource.coreFile, processId).hard, 0);
  assert.equal(readLimit(Resource.openFiles, processId).hard, 16_384);
  assert.equal(readLimit(Resource.processes, processId).hard, 64 + 2);
  assert.equal(readLimit(Resource.fileSize, processId).hard, 128 * 1024);
  assert.equal(readLimit(Resource.data, processId).hard, (384 + 1024 + 2 * 64) * 1024 * 1024);
  // 384 MiB are the guest's, 512 MiB V8's for compiled code.
  const usedKib = Number.parseInt(ofThreads('VmData')[0] ?? '', 10);
  process.stdout.write(`# VmData: ${Math.round(usedKib / 1024)} MiB\n`);
  assert.ok(usedKib < (384 + 768) * 1024, `it has ${usedKib} KiB`);
});

test('an escaped guest tries', async (t) => {
  const filesBefore = openFiles();
  const results = await attempts();
  assert.equal(results.length, ATTEMPTS.length);
  for (const [index, { what, errno }] of ATTEMPTS.entries()) {
    await t.test(`${what}: ${errno}`, () => assert.deepEqual(results[index], { what, came: errno }));
  }
  assert.deepEqual(openFiles(), filesBefore, 'it has no more descriptors than before');
  assert.equal(controlGroup(), `0::/dda/${VM_NAME}-${processId}`);
  assert.ok(audited().size > 3, 'the audit tells of it');
});

test('the guest lives, and gives the function back when it is asked', async () => {
  await talk.verifyDisk(3);
  assert.equal((await vm.status()).guest, 'running');
  await vm.eject(NVME, 60_000, () => undefined);
  assert.deepEqual((await vm.status()).functions, []);
  await mount(openHost('dda test'), [NVME]);
});

test('SIGTERM ends it, though it is number 1 of its processes', async () => {
  process.kill(processId, 'SIGTERM');
  assert.deepEqual(await vm.ended, { exitCode: 143, signal: undefined });
});
