import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { FakeMachine, nvmeHost } from '../../host/testing/index.ts';
import type { HostDescription } from '../../host/testing/index.ts';
import type { ManagedFunctionJson } from '../schemas/functions.ts';
import type { VmJson } from '../schemas/vms.ts';
import { type Served, served } from '../testing/served.ts';

// The real manager and its journal on a host in memory, asked over a real socket.

const bdf = '0000:01:00.0';
const second = '0000:02:00.0';
const spec = { memoryBytes: 2 ** 30, cpuCount: 1, kernel: '/boot/vmlinuz', commandLine: '' };

/** The ordinary host with another NVMe function in a group of its own. */
function twoFunctions(host: Partial<HostDescription> = {}): HostDescription {
  const other = { address: second, below: ['0000:00:04.0'], driver: 'nvme', group: 6 };
  return nvmeHost({}, { ...host, functions: [other] });
}

interface Bench {
  readonly machine: FakeMachine;
  readonly api: Served;
  /** State of each function, its pool and VM, and which driver has it: what must not change on a refusal. */
  readonly standing: () => Promise<unknown>;
}

async function bench(t: TestContext, description = twoFunctions()): Promise<Bench> {
  const machine = new FakeMachine(description);
  const api = await served(t, await machine.start());
  t.after(() => machine.dispose());
  return {
    machine,
    api,
    standing: async () => {
      const { body } = await api.json('GET', '/v1/functions');
      const { functions } = body as { functions: ManagedFunctionJson[] };
      return functions.map(({ name, state, pool, vm }) => [name, state, pool, vm, machine.host.actions.driverOf(name)]);
    },
  };
}

async function lentTo(t: TestContext, vm: string): Promise<Bench> {
  const it = await bench(t);
  await it.api.json('POST', '/v1/dismount', { functions: [bdf, second] });
  await it.api.json('POST', '/v1/vms', { name: vm, spec });
  await it.api.json('POST', '/v1/vms', { name: 'other', spec });
  const { status } = await it.api.json('POST', `/v1/vms/${vm}/loans`, { function: bdf });
  assert.equal(status, 200);
  return it;
}

test('dismount, lend, get back, mount: a function from the host and to it again', async (t) => {
  const { api, standing, machine } = await lentTo(t, 'web');
  assert.deepEqual(await standing(), [
    [bdf, 'lent', 'default', 'web', 'vfio-pci'],
    [second, 'pool', 'default', null, 'vfio-pci'],
  ]);
  assert.deepEqual(machine.vm('web').orders, [`lend ${bdf}`]);
  const back = await api.json('DELETE', `/v1/vms/web/loans/${bdf}?to=host`);
  assert.deepEqual([back.status, (back.body as ManagedFunctionJson).state], [200, 'host']);
  const mounted = await api.json('POST', '/v1/mount', { functions: [second] });
  assert.equal(mounted.status, 200);
  assert.deepEqual(await standing(), [
    [bdf, 'host', null, null, 'nvme'],
    [second, 'host', null, null, 'nvme'],
  ]);
});

for (const [what, method, path, body, status, code, sentence] of [
  ['an unknown VM', 'POST', '/v1/vms/none/loans', { function: second }, 404, 'no-such-vm', /none/],
  [
    'an unknown function',
    'POST',
    '/v1/vms/web/loans',
    { function: '0000:09:00.0' },
    404,
    'no-such-function',
    /0000:09:00\.0/,
  ],
  ['a second lending to another VM', 'POST', '/v1/vms/other/loans', { function: bdf }, 409, 'function-with-vm', /web/],
  ['a second lending to the same VM', 'POST', '/v1/vms/web/loans', { function: bdf }, 409, 'already-lent', /web/],
  ['removing what is not there', 'DELETE', `/v1/vms/web/loans/${second}`, undefined, 404, 'not-lent', /0000:02:00\.0/],
  ['removing from the wrong VM', 'DELETE', `/v1/vms/other/loans/${bdf}`, undefined, 404, 'not-lent', /0000:01:00\.0/],
  ['removing from no VM', 'DELETE', `/v1/vms/none/loans/${bdf}`, undefined, 404, 'no-such-vm', /none/],
  ['mounting what a VM has', 'POST', '/v1/mount', { functions: [bdf] }, 409, 'function-with-vm', /web/],
  ['stopping no VM', 'POST', '/v1/vms/none/stop', {}, 404, 'no-such-vm', /none/],
  ['a VM of the same name', 'POST', '/v1/vms', { name: 'web', spec }, 409, 'vm-name-taken', /web/],
  ['a pool that is not there', 'POST', '/v1/dismount', { functions: [bdf], pool: 'fast' }, 404, 'no-such-pool', /fast/],
  ['any of a pool that is not there', 'POST', '/v1/vms/web/loans', { pool: 'fast' }, 404, 'no-such-pool', /fast/],
  [
    'a class that nothing has',
    'POST',
    '/v1/vms/web/loans',
    { pool: 'default', class: '03' },
    404,
    'nothing-free',
    /03/,
  ],
  ['the default pool removed', 'DELETE', '/v1/pools/default', undefined, 409, 'pool-not-empty', /default|0000/],
  ['a pool twice', 'POST', '/v1/pools', { name: 'default' }, 409, 'pool-name-taken', /default/],
  [
    'a release of what is not in quarantine',
    'POST',
    `/v1/quarantine/${second}/release`,
    {},
    404,
    'not-quarantined',
    /0000:02:00\.0/,
  ],
  ['a bridge', 'POST', '/v1/dismount', { functions: ['0000:00:04.0'] }, 422, 'not-an-endpoint', /0000:00:04\.0/],
  ['the console of no VM', 'GET', '/v1/vms/none/console', undefined, 404, 'no-such-vm', /none/],
  ['the trace of no VM', 'GET', '/v1/vms/none/trace', undefined, 404, 'no-such-vm', /none/],
] as const) {
  test(`${what}: refused, nothing changes, and the audit knows`, async (t) => {
    const { api, standing } = await lentTo(t, 'web');
    const before = await standing();
    const problem = await api.refused(method, path, body);
    assert.deepEqual([problem.status, problem.code], [status, code]);
    assert.match(problem.detail, sentence);
    assert.match(problem.detail, /^Can't .+: .+\. .+$/);
    assert.deepEqual(await standing(), before);
    if (method === 'GET') return;
    const { body: audit } = await api.json('GET', '/v1/audit?limit=1');
    const [entry] = (audit as { entries: { outcome: string; code: string; by: object }[] }).entries;
    assert.deepEqual([entry?.outcome, entry?.code], ['refused', code]);
    assert.deepEqual(
      { ...entry?.by, command: '' },
      { userId: process.getuid?.(), processId: process.pid, command: '' },
    );
  });
}

test('the boot disk is not dismounted', async (t) => {
  const mounted = nvmeHost({}, { mounts: [{ source: '/dev/nvme0n1p1', at: '/' }] });
  const { api, standing } = await bench(t, mounted);
  const before = await standing();
  const problem = await api.refused('POST', '/v1/dismount', { functions: [bdf] });
  assert.deepEqual([problem.status, problem.code], [409, 'function-in-use']);
  assert.match(problem.detail, /\/dev\/nvme0n1p1 is mounted at \/ /);
  assert.deepEqual(await standing(), before);
});

test('the survey of one function, and of one that is not there', async (t) => {
  const { api } = await bench(t);
  const { body } = await api.json('GET', `/v1/survey?function=${bdf}`);
  const { functions } = body as { functions: { name: string; verdict: string; product: string }[] };
  assert.deepEqual(
    functions.map(({ name, verdict }) => [name, verdict]),
    [[bdf, 'assignable']],
  );
  assert.match(functions[0]?.product ?? '', /NVMe controller/);
  const both = await api.json('GET', `/v1/survey?function=${bdf}&function=${second}`);
  assert.equal((both.body as { functions: unknown[] }).functions.length, 2);
  const { status, code } = await api.refused('GET', '/v1/survey?function=0000:09:00.0');
  assert.deepEqual([status, code], [404, 'no-such-function']);
});

test('of requests that conflict, one is done and the others are refused; nothing is lost', async (t) => {
  const { api, standing } = await lentTo(t, 'web');
  const answers = await Promise.all([
    api.json('POST', '/v1/vms/web/loans', { function: second }),
    api.json('POST', '/v1/vms/other/loans', { function: second }),
    api.json('POST', '/v1/mount', { functions: [second] }),
    api.json('POST', '/v1/vms/other/loans', { pool: 'default' }),
  ]);
  const done = answers.filter(({ status }) => status === 200);
  assert.equal(done.length, 1, JSON.stringify(answers));
  for (const { status, body } of answers) {
    if (status !== 200) assert.ok([404, 409].includes(status), JSON.stringify(body));
  }
  const [, [, state, , vm]] = (await standing()) as [unknown, string[]];
  assert.ok((state === 'lent' && vm !== null) || state === 'host', `${state} ${vm}`);
  // Whoever has it gives it back, and it can be had again.
  if (state === 'lent') await api.json('DELETE', `/v1/vms/${vm}/loans/${second}`);
  else await api.json('POST', '/v1/dismount', { functions: [second] });
  assert.deepEqual(((await standing()) as unknown[])[1], [second, 'pool', 'default', null, 'vfio-pci']);
});

test('a guest that keeps its function past the deadline loses it, and the events tell', async (t) => {
  const { api, standing, machine } = await lentTo(t, 'web');
  const process = machine.vm('web');
  process.behaviour = 'silent';
  const events = await api.client.events(t.signal);
  const back = api.json('DELETE', `/v1/vms/web/loans/${bdf}?deadlineMs=1000`);
  const phases: string[] = [];
  const seen = (async () => {
    for await (const event of events) {
      if (event.kind !== 'function-changed') continue;
      phases.push(`${event.function.state} ${event.function.returnPhase ?? ''}`.trim());
      if (event.function.state === 'pool') break;
    }
  })();
  while (!process.orders.some((order) => order.startsWith('eject')))
    await new Promise((resolve) => setImmediate(resolve));
  await machine.clock.pass(10_000);
  const { status, body } = await back;
  assert.deepEqual([status, (body as ManagedFunctionJson).state], [200, 'pool']);
  await seen;
  assert.deepEqual(phases.slice(0, 1), ['returning asking']);
  assert.equal(phases.at(-1), 'pool');
  assert.ok(process.orders.includes('kill'));
  assert.deepEqual(((await standing()) as unknown[])[0], [bdf, 'pool', 'default', null, 'vfio-pci']);
  assert.equal((await api.refused('GET', '/v1/vms/web')).code, 'no-such-vm');
});

test('a VM shows the disks that it was made with', async (t) => {
  const { api } = await bench(t);
  const disks = [{ path: '/srv/data.img', readOnly: false }];
  const created = await api.json('POST', '/v1/vms', { name: 'web', spec: { ...spec, disks } });
  assert.deepEqual([created.status, (created.body as VmJson).spec.disks], [200, disks]);
  const relative = [{ path: 'data.img', readOnly: false }];
  const refused = await api.json('POST', '/v1/vms', { name: 'other', spec: { ...spec, disks: relative } });
  assert.equal(refused.status, 422);
});
