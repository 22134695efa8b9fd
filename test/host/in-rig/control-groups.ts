import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { PERIOD_US } from '../../../src/host/control-groups/group-limits.ts';
import { OwnGroups } from '../../../src/host/control-groups/own-groups.ts';
import { dda, run, until } from './rig-functions.ts';

const MOUNT = '/sys/fs/cgroup';
const MIB = 1024 * 1024;
const ample = { processors: 4, memoryBytes: 512 * MIB, tasks: 50 };

const groups = new OwnGroups(MOUNT);
const children: ChildProcess[] = [];
after(() => children.forEach((child) => child.kill('SIGKILL')));

/** What the shell does once it is told to {@link begin}. */
function waiting(script: string): { readonly child: ChildProcess; readonly pid: number } {
  const child = spawn('sh', ['-c', `read go; ${script}`], { stdio: ['pipe', 'ignore', 'ignore'] });
  children.push(child);
  return { child, pid: child.pid ?? assert.fail('no process') };
}

function begin(child: ChildProcess): void {
  child.stdin?.end('go\n');
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

function numberIn(group: string, file: string, key: string): number {
  const text = readFileSync(`${MOUNT}/dda/${group}/${file}`, 'utf8');
  return Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1] ?? assert.fail(`no ${key} in ${text}`));
}

test('a process that spins gets its share of a processor, and no more', async () => {
  const share = 0.2;
  const { child, pid } = waiting('while :; do :; done');
  assert.equal(await groups.place('spinner', pid, { ...ample, processors: share }), undefined);
  const group = `spinner-${pid}`;
  assert.match(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), new RegExp(`^0::/dda/${group}$`, 'm'));
  begin(child);
  const periods = (): number => numberIn(group, 'cpu.stat', 'nr_periods');
  await until('fifty periods', () => (periods() >= 50 ? true : undefined));
  // It goes on meanwhile, so time is looked at first.
  const used = numberIn(group, 'cpu.stat', 'usage_usec') / (periods() * PERIOD_US);
  assert.ok(numberIn(group, 'cpu.stat', 'nr_throttled') >= 25);
  assert.ok(used > share / 4 && used < share * 2, `it had ${used} of a processor`);
  await end(child);
  await groups.remove('spinner', pid);
  assert.equal(existsSync(`${MOUNT}/dda/${group}`), false);
});

test('a process that takes more memory than it may is ended, and makes no more processes than it may', async () => {
  const hungry = waiting('exec dd if=/dev/zero of=/dev/null bs=200M count=1');
  assert.equal(await groups.place('hungry', hungry.pid, { ...ample, memoryBytes: 32 * MIB }), undefined);
  const ended = once(hungry.child, 'exit');
  begin(hungry.child);
  assert.deepEqual(await ended, [null, 'SIGKILL']);
  assert.equal(numberIn(`hungry-${hungry.pid}`, 'memory.events', 'oom_kill'), 1);
  await groups.remove('hungry', hungry.pid);

  const many = waiting('for i in 1 2 3 4 5 6 7 8 9; do sleep 100 & done; wait');
  assert.equal(await groups.place('many', many.pid, { ...ample, tasks: 5 }), undefined);
  begin(many.child);
  const group = `many-${many.pid}`;
  await until('a refusal', () => (numberIn(group, 'pids.events', 'max') > 0 ? true : undefined));
  assert.ok(Number(readFileSync(`${MOUNT}/dda/${group}/pids.current`, 'utf8')) <= 5);
  writeFileSync(`${MOUNT}/dda/${group}/cgroup.kill`, '1');
  await groups.remove('many', many.pid);
  assert.equal(existsSync(`${MOUNT}/dda/${group}`), false);
});

test('what ended while nobody looked is swept, what lives stays', async () => {
  const [one, other] = [waiting(':'), waiting(':')];
  for (const { pid } of [one, other]) assert.equal(await groups.place('vm', pid, ample), undefined);
  await end(one.child);
  const isLeft = ({ pid }: { readonly pid: number }): boolean => existsSync(`${MOUNT}/dda/vm-${pid}`);
  assert.deepEqual([isLeft(one), isLeft(other)], [true, true]);
  const next = waiting(':');
  assert.equal(await new OwnGroups(MOUNT).place('vm', next.pid, ample), undefined);
  assert.deepEqual([isLeft(one), isLeft(other), isLeft(next)], [false, true, true]);
  assert.equal(await groups.place('vm', one.pid, ample), undefined, 'of a process that is gone nothing is said');
  assert.equal(isLeft(one), false);
  await end(next.child);
  await end(other.child);
  for (const { pid } of [next, other]) await groups.remove('vm', pid);
  assert.deepEqual([isLeft(other), isLeft(next)], [false, false]);
});

test('a group with processes in it can not be divided, as in a container, and that is said', async () => {
  const box = `${MOUNT}/box`;
  mkdirSync(box);
  const { child, pid } = waiting(':');
  writeFileSync(`${box}/cgroup.procs`, String(pid));
  const refused = await new OwnGroups(box).place('vm', pid, ample);
  assert.match(refused?.obstacle ?? '', /in the group \/sys\/fs\/cgroup\/box itself, which so can't be divided/);
  assert.equal(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), '0::/box\n', 'it is where it was');
  assert.equal(existsSync(`${box}/dda`), false);
  await end(child);
  rmdirSync(box);
});

test('a mount that can only be read', async () => {
  mkdirSync('/tmp/groups');
  run('mount', '-t', 'cgroup2', 'none', '/tmp/groups');
  run('mount', '-o', 'remount,bind,ro', '/tmp/groups');
  const { child, pid } = waiting(':');
  const refused = await new OwnGroups('/tmp/groups').place('vm', pid, ample);
  assert.match(refused?.obstacle ?? '', /^\/tmp\/groups can only be read here\.$/);
  await end(child);
  run('umount', '/tmp/groups');
});

test('dda check knows that this host has control groups', async () => {
  const { output } = await dda('check');
  assert.match(output, /ok +groups/);
});
