import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type {
  HostNews,
  LendOutcome,
  Manager,
  VmPort,
  VmProcess,
  VmProcessEnd,
  VmProcessStatus,
} from '../../../src/host/index.ts';
import { kernelHost, openHost, systemClock } from '../../../src/host/index.ts';
import { SqliteJournal } from '../../../src/host/journal/sqlite-journal.ts';
import { startManager } from '../../../src/host/manager/start-manager.ts';
import { driverOf, first, programBeside, second, startHolder, until } from './rig-functions.ts';

const by = { userId: 0, processId: process.pid, command: 'test' };
const spec = { memoryBytes: 1 << 28, cpuCount: 1, kernel: '/boot/vmlinuz', commandLine: '' };
const holdFunction = programBeside('hold-function');
const journalPath = join(mkdtempSync(join(tmpdir(), 'dda-manager-')), 'state', 'state.db');

/** VM processes that take what they are lent, really, and never answer anything again. */
class HostageTakers implements VmPort {
  readonly #processes = new Map<string, HostageTaker>();

  start(name: string): Promise<VmProcess> {
    const taker = new HostageTaker(name);
    this.#processes.set(name, taker);
    void taker.ended.then(() => this.#processes.delete(name));
    return Promise.resolve(taker);
  }

  find(name: string): Promise<VmProcess | undefined> {
    return Promise.resolve(this.#processes.get(name));
  }
}

class HostageTaker implements VmProcess {
  readonly name: string;
  readonly mark = { processId: process.pid, startTicks: 1 };
  readonly #end = Promise.withResolvers<VmProcessEnd>();
  readonly ended = this.#end.promise;
  #holder: ChildProcess | undefined;

  constructor(name: string) {
    this.name = name;
  }

  async lend({ function: bdf }: { readonly function: string }): Promise<LendOutcome> {
    this.#holder ??= await startHolder(process.execPath, holdFunction, bdf);
    return { outcome: 'lent' };
  }

  kill(): void {
    if (this.#holder === undefined) return this.#end.resolve({ exitCode: undefined, signal: 'SIGKILL' });
    void once(this.#holder, 'exit').then(() => this.#end.resolve({ exitCode: undefined, signal: 'SIGKILL' }));
    this.#holder.kill('SIGKILL');
  }

  /** It runs; it only doesn't answer. */
  isStopped(): boolean {
    return false;
  }

  status(): Promise<VmProcessStatus> {
    return silence();
  }

  eject(): Promise<void> {
    return silence();
  }

  revoke(): Promise<void> {
    return silence();
  }

  stop(): Promise<void> {
    return silence();
  }

  type(): Promise<void> {
    return silence();
  }

  followTrace(): void {}

  listen(): () => void {
    return () => undefined;
  }
}

function silence<T>(): Promise<T> {
  return new Promise(() => undefined);
}

const vms = new HostageTakers();
let tell: (news: HostNews) => void = () => undefined;

function start(): Promise<Manager> {
  return startManager({
    host: kernelHost(openHost('dda test')),
    vms,
    journal: new SqliteJournal(journalPath),
    clock: systemClock,
    virtualFunctions: { shape: () => Promise.reject(new Error('not here')) },
    news: {
      listen: (listener) => {
        tell = listener;
        return () => (tell = () => undefined);
      },
    },
  });
}

function ownerOf(manager: Manager, name: string): string | undefined {
  return manager.snapshot().functions.find((fn) => fn.name === name)?.owner.kind;
}

test('a VM process that holds a function for ever loses it, to the host’s driver; others move meanwhile', async (t) => {
  const manager = await start();
  await manager.createVm({ name: 'hostage', spec }, by);
  await manager.dismount({ functions: [first] }, by);
  await manager.add({ vm: 'hostage', function: first }, by);
  const startedAt = performance.now();
  const removed = manager.remove({ vm: 'hostage', function: first, deadlineMs: 3_000, to: 'host' }, by);
  await manager.dismount({ functions: [second] }, by);
  await manager.mount({ functions: [second] }, by);
  const otherMs = performance.now() - startedAt;
  assert.equal((await removed).owner.kind, 'host', JSON.stringify((await removed).problem));
  const tookMs = performance.now() - startedAt;
  assert.deepEqual([driverOf(first), driverOf(second)], ['nvme', 'nvme']);
  t.diagnostic(
    `back after ${Math.round(tookMs)} ms, deadline 3000; another there and back in ${Math.round(otherMs)} ms`,
  );
  await manager.close();
});

test('somebody unbinds a function that a VM process holds: it is taken, the unbinding ends, it is dismounted again', async (t) => {
  const manager = await start();
  await manager.createVm({ name: 'hostage', spec }, by);
  await manager.dismount({ functions: [first] }, by);
  await manager.add({ vm: 'hostage', function: first }, by);
  const startedAt = performance.now();
  const unbinding = spawn('dd', ['of=/sys/bus/pci/drivers/vfio-pci/unbind', 'status=none'], { stdio: 'pipe' });
  const unbound = once(unbinding, 'exit');
  unbinding.stdin.end(first);
  tell({ kind: 'host-waits', function: first });
  await unbound;
  t.diagnostic(`the unbinding was blocked for ${Math.round(performance.now() - startedAt)} ms`);
  await until('the function in the pool again', () => {
    const isHome = ownerOf(manager, first) === 'pool' && driverOf(first) === 'vfio-pci';
    if (!isHome) tell({ kind: 'function-changed', function: first });
    return isHome ? true : undefined;
  });
  await manager.close();
});

test('the next manager knows what is dismounted, and gives it back', async () => {
  const manager = await start();
  assert.equal(ownerOf(manager, first), 'pool');
  await manager.mount({ functions: [first] }, by);
  assert.equal(driverOf(first), 'nvme');
  assert.deepEqual(
    manager.audit({ limit: 3 }).entries.map(({ what, outcome }) => `${what} ${outcome}`),
    ['mount done', 'add done', 'dismount done'],
  );
  await manager.close();
});
