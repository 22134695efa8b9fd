import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { mount, openHost, type VmProcess } from '../../../src/host/index.ts';
import { VmProcesses } from '../../../src/host/vm-processes/vm-processes.ts';
import { VM_USERS } from '../../../src/host/vm-processes/vm-users.ts';
import {
  claimNode,
  linkName,
  ProcessHandle,
  readLimit,
  readProcessStatus,
  Resource,
} from '../../../src/linux/index.ts';
import { group, LENT, NVME, orderOf, required, Talk, VM_NAME } from './vm.ts';

const MIB = 1024 * 1024;
const GROUPS = '/sys/fs/cgroup/dda';
const vms = new VmProcesses({ warn: (text) => assert.fail(text) });
let first: ChildProcess;
let vm: VmProcess;
let talk: Talk;
/** What the first manager knew of it. */
let mark: { readonly processId: number; readonly startTicks: number };

/** Processes that have a file open whose name `wanted` knows. */
function holdersOf(wanted: RegExp): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => openFilesOf(name).some((file) => wanted.test(file)))
    .map(Number);
}

function openFilesOf(processName: string): string[] {
  const directory = `/proc/${processName}/fd`;
  try {
    return readdirSync(directory).map((fd) => readlinkSync(`${directory}/${fd}`));
  } catch {
    // A process that ended meanwhile holds nothing; nor does a descriptor that was closed meanwhile.
    return [];
  }
}

function claimed(): string {
  const claim = claimNode(`/dev/vfio/${group()}`);
  if (claim.state === 'free') claim.release();
  return claim.state;
}

/** A file of the control group of the first manager's VM. */
function ofGroup(file: string): string {
  return readFileSync(`${GROUPS}/${VM_NAME}-${mark.processId}/${file}`, 'utf8').trim();
}

async function groupsAre(expected: readonly string[]): Promise<void> {
  const found = (): string[] => readdirSync(GROUPS).filter((name) => existsSync(`${GROUPS}/${name}/cgroup.procs`));
  for (const endMs = Date.now() + 20_000; found().join() !== expected.join(); ) {
    assert.ok(Date.now() < endMs, `there are the groups ${found().join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

before(async () => {
  first = spawn(process.execPath, [required('DDA_FIRST_MANAGER')], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const chunk of first.stdout ?? []) {
    said += String(chunk);
    if (said.includes(LENT) && said.endsWith('\n')) break;
  }
  const [, processId, startTicks] = /lent as (\d+) (\d+)/.exec(said) ?? assert.fail(`the first manager said: ${said}`);
  mark = { processId: Number(processId), startTicks: Number(startTicks) };
});
after(() => vms.close());

test('the process has no privileges, and nobody else has what it was passed', () => {
  const status = readProcessStatus(mark.processId);
  assert.ok(status !== undefined);
  assert.equal(status.userId, VM_USERS.first);
  assert.equal(status.effectiveCapabilities, 0n);
  assert.deepEqual(status.groups, []);
  assert.equal(status.noNewPrivileges, true);
  assert.equal(readLimit(Resource.lockedMemory, mark.processId).hard, (384 + 256) * MIB);
  assert.equal(readLimit(Resource.coreFile, mark.processId).hard, 0);
  assert.deepEqual(holdersOf(new RegExp(`^/dev/vfio/${group()}$`)), [mark.processId]);
  assert.deepEqual(holdersOf(/vfio-device/), [mark.processId]);
  assert.equal(claimed(), 'held');
  const files = openFilesOf(String(mark.processId)).filter((file) => file.startsWith('/'));
  // What was opened on a mount that the process has left is named from that mount's root.
  const known = /^\/((dev\/)?null$|dev\/kvm|dev\/vfio\/|memfd:)/;
  assert.deepEqual(
    files.filter((file) => !known.test(file)),
    [],
    'it has no files but those',
  );
});

test('its control group has its limits, and it stays below them', async () => {
  assert.equal(readFileSync(`/proc/${mark.processId}/cgroup`, 'utf8'), `0::/dda/${VM_NAME}-${mark.processId}\n`);
  await groupsAre([`${VM_NAME}-${mark.processId}`]);
  assert.equal(ofGroup('cpu.max'), '140000 20000');
  assert.equal(ofGroup('memory.max'), String((384 + 1024 + 2 * 64 + 64 + 256 + 6) * MIB));
  assert.equal(ofGroup('pids.max'), String(64 + 2 + 1));
  assert.equal(ofGroup('cpu.weight'), '100');
  const stat = (file: string, key: string): number =>
    Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(ofGroup(file))?.[1]);
  assert.equal(stat('cpu.stat', 'nr_throttled'), 0);
  assert.equal(stat('memory.events', 'max'), 0);
  assert.equal(stat('pids.events', 'max'), 0);
  // All that the guest has, and nothing of it in another group: it was there before it took any.
  assert.ok(stat('memory.stat', 'anon') > 384 * MIB);
  const kernel = Math.round(stat('memory.stat', 'kernel') / MIB);
  const [all, tasks] = [Math.round(Number(ofGroup('memory.peak')) / MIB), ofGroup('pids.current')];
  process.stdout.write(`# at most ${all} MiB, of the kernel's ${kernel} MiB now; ${tasks} tasks\n`);
});

test('its manager is killed, and the next one finds it by name alone, with the console kept', async () => {
  const handle = ProcessHandle.open(first.pid ?? 0);
  const ended = new Promise<void>((resolve) => void handle?.onEnd(resolve));
  first.kill('SIGKILL');
  await ended;
  handle?.close();
  assert.equal(await vms.find(VM_NAME, { ...mark, startTicks: mark.startTicks + 1 }), undefined, 'another process');
});

test('the guest goes on, its function is there', async () => {
  const found = await vms.find(VM_NAME, undefined);
  assert.ok(found !== undefined);
  vm = found;
  assert.deepEqual(vm.mark, mark);
  talk = new Talk(vm);
  const status = await vm.status();
  assert.deepEqual([status.guest, status.functions], ['running', [NVME]]);
  assert.match(status.guestOs ?? '', /^Linux 6\.1\./);
  await talk.expect('dda-test: ready');
  talk.skip();
  await talk.verifyDisk(2);
});

test('the guest gives it back when it is asked', async () => {
  let heard = false;
  await vm.eject(NVME, 60_000, () => {
    heard = true;
  });
  assert.equal(heard, true);
  assert.equal(claimed(), 'free');
  assert.deepEqual(holdersOf(/vfio-device|^\/dev\/vfio\/\d/), []);
  assert.deepEqual((await vm.status()).functions, []);
  await vm.eject(NVME, 60_000, () => assert.fail('it is not there'));
});

test('it is lent again, and revoked', async () => {
  assert.deepEqual(await vm.lend(orderOf(2)), { outcome: 'lent' });
  assert.deepEqual(await vm.lend({ ...orderOf(2), groupIsOpen: true }), { outcome: 'lent' }, 'it is there already');
  const held = await vm.lend(orderOf(2));
  assert.ok(held.outcome === 'failed');
  assert.deepEqual([held.error.code, held.handedOver], ['function-held', false]);
  await talk.verifyDisk(3);
  await vm.revoke(NVME);
  assert.equal(claimed(), 'free');
  await talk.until('[ ! -e /dev/nvme0n1 ]');
  await vm.revoke(NVME);
});

test('a stopped process answers nothing and is killed all the same; then the group is free', async () => {
  assert.deepEqual(await vm.lend(orderOf(3)), { outcome: 'lent' });
  process.kill(mark.processId, 'SIGSTOP');
  while (readProcessStatus(mark.processId)?.state !== 'T') await new Promise((resolve) => setTimeout(resolve, 5));
  const revoked = assert.rejects(vm.revoke(NVME), { code: 'vm-gone' });
  const answer = await Promise.race([revoked, new Promise((resolve) => setTimeout(() => resolve('silence'), 500))]);
  assert.equal(answer, 'silence');
  assert.equal(claimed(), 'held');
  vm.kill();
  await vm.ended;
  await revoked;
  assert.equal(claimed(), 'free');
  assert.equal(await vms.find(VM_NAME, mark), undefined);
  await groupsAre([]);
  await mount(openHost('dda test'), [NVME]);
  assert.equal(linkName(`/sys/bus/pci/devices/${NVME}/driver`), 'nvme');
});

test('a process that can not start says why', async () => {
  const spec = { memoryBytes: 64 * MIB, cpuCount: 1, kernel: '/etc/hostname', commandLine: '' };
  await assert.rejects(
    vms.start('bad', spec, () => undefined),
    (error: Error & { code: string }) => {
      assert.equal(error.code, 'vm-process-failed');
      assert.match(error.message, /its process did not come up: it ended \(exit code 1\): .*kernel/i);
      return true;
    },
  );
  await assert.rejects(
    vms.start('bad', { ...spec, kernel: '/nowhere' }, () => undefined),
    { code: 'file-unreadable' },
  );
  await groupsAre([]);
});
