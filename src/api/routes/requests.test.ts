import assert from 'node:assert/strict';
import { basename } from 'node:path';
import test from 'node:test';
import { ScriptedManager, poolFunction } from '../testing/scripted-manager.ts';
import { served } from '../testing/served.ts';

const bdf = '0000:01:00.0';
const spec = { memoryBytes: 2 ** 30, cpuCount: 2, kernel: '/boot/vmlinuz', commandLine: 'quiet' };

for (const [method, path, body, verb, request] of [
  ['POST', '/v1/dismount', { functions: [bdf], pool: 'fast' }, 'dismount', { functions: [bdf], pool: 'fast' }],
  ['POST', '/v1/mount', { functions: [bdf] }, 'mount', { functions: [bdf] }],
  ['POST', '/v1/vms', { name: 'web', spec }, 'create-vm', { name: 'web', spec }],
  ['POST', '/v1/vms/web/stop', { force: true }, 'stop', { name: 'web', force: true }],
  ['POST', '/v1/vms/web/loans', { function: bdf }, 'add', { vm: 'web', function: bdf }],
  [
    'POST',
    '/v1/vms/web/loans',
    { pool: 'fast', class: '0108' },
    'add',
    { vm: 'web', function: { pool: 'fast', class: '0108' } },
  ],
  ['DELETE', `/v1/vms/web/loans/${bdf}`, undefined, 'remove', { vm: 'web', function: bdf }],
  [
    'DELETE',
    `/v1/vms/web/loans/${bdf}?deadlineMs=500&to=host`,
    undefined,
    'remove',
    { vm: 'web', function: bdf, deadlineMs: 500, to: 'host' },
  ],
  [
    'PUT',
    `/v1/functions/${bdf}/virtual-functions`,
    { count: 2, settings: [{ mac: '02:00:00:00:00:01', trust: true }] },
    'create-virtual',
    { physicalFunction: bdf, count: 2, settings: [{ mac: '02:00:00:00:00:01', trust: true }] },
  ],
  ['DELETE', `/v1/functions/${bdf}/virtual-functions`, undefined, 'remove-virtual', { physicalFunction: bdf }],
  ['POST', `/v1/quarantine/${bdf}/release`, {}, 'release', { function: bdf }],
  ['POST', '/v1/pools', { name: 'fast' }, 'create-pool', { name: 'fast' }],
  ['DELETE', '/v1/pools/fast', undefined, 'remove-pool', { name: 'fast' }],
] as const) {
  test(`${method} ${path} asks the manager to ${verb}, in the caller's name`, async (t) => {
    const manager = new ScriptedManager();
    const { json } = await served(t, manager);
    const { status } = await json(method, path, body);
    assert.equal(status, 200);
    assert.deepEqual(manager.asked, [
      {
        verb,
        request,
        by: { userId: process.getuid?.(), processId: process.pid, command: manager.asked[0]?.by.command },
      },
    ]);
    assert.equal(manager.asked[0]?.by.command, basename(process.argv[1] ?? ''));
  });
}

test('a function for programs: its owner side by side, null where there is nothing', async (t) => {
  const manager = new ScriptedManager();
  manager.functions = [
    poolFunction(bdf, {
      owner: { kind: 'returning', vm: 'web', pool: 'fast', to: 'host', phase: 'asking', untilMs: 60_000, heard: true },
      vm: 'web',
      untilMs: 60_000,
    }),
    poolFunction('0000:02:00.0', {
      owner: { kind: 'quarantine', pool: 'fast', reason: 'reset-failed', vm: undefined },
      problem: { code: 'driver-change-failed', message: 'It did not reset.' },
    }),
  ];
  const { json } = await served(t, manager);
  const first = {
    name: bdf,
    ids: '1b36:0010',
    group: '5',
    physicalFunction: null,
    resettable: 'yes',
    present: true,
    state: 'returning',
    pool: 'fast',
    vm: 'web',
    returnsTo: 'host',
    returnPhase: 'asking',
    quarantineReason: null,
    until: '1970-01-01T00:01:00.000Z',
    problem: null,
  };
  assert.deepEqual((await json('GET', `/v1/functions/${bdf}`)).body, first);
  const second = {
    ...first,
    name: '0000:02:00.0',
    state: 'quarantine',
    vm: null,
    returnsTo: null,
    returnPhase: null,
    quarantineReason: 'reset-failed',
    until: null,
    problem: { code: 'driver-change-failed', message: 'It did not reset.' },
  };
  assert.deepEqual((await json('GET', '/v1/functions')).body, { revision: 0, functions: [first, second] });
  assert.deepEqual((await json('GET', '/v1/quarantine')).body, { revision: 0, functions: [second] });
});

test('the audit comes page by page', async (t) => {
  const manager = new ScriptedManager();
  const by = { userId: 0, processId: 1, command: 'dda' };
  const at = '2026-01-02T03:04:05.000Z';
  const entry = { id: 7, at, by, what: 'mount', target: { functions: [bdf] } };
  manager.auditPage = {
    entries: [{ ...entry, outcome: 'refused', code: 'function-held', tookMs: 2 }],
    next: 7,
  };
  const { json } = await served(t, manager);
  assert.deepEqual((await json('GET', '/v1/audit?limit=1&before=8')).body, {
    entries: [{ ...entry, outcome: 'refused', code: 'function-held', tookMs: 2 }],
    next: 7,
  });
});

test('what the process of a VM counts', async (t) => {
  const manager = new ScriptedManager();
  const { json } = await served(t, manager);
  assert.deepEqual(await json('GET', '/v1/vms/web/counters'), { status: 200, body: { exits: 42 } });
  assert.deepEqual(manager.countersAsked, ['web']);
});

test('health, with the revision', async (t) => {
  const { json } = await served(t, new ScriptedManager());
  assert.deepEqual(await json('GET', '/v1/health'), {
    status: 200,
    body: {
      status: 'ok',
      version: '1.2.3',
      processId: process.pid,
      startedAt: '2026-01-02T03:04:05.000Z',
      revision: 0,
    },
  });
});

test('metrics: functions by state, and refusals by code', async (t) => {
  const manager = new ScriptedManager();
  const { fetch } = await served(t, manager);
  const by = { userId: 0, processId: 1, command: 'dda' };
  const at = '2026-01-02T03:04:05.000Z';
  manager.emit({
    kind: 'audit',
    entry: { id: 1, at, by, what: 'add', target: {}, outcome: 'refused', code: 'already-lent', tookMs: 3 },
  });
  await fetch('/v1/pools');
  const text = await (await fetch('/metrics')).text();
  assert.match(text, /^dda_functions\{state="pool"\} 1$/m);
  assert.match(text, /^dda_refusals_total\{what="add",code="already-lent"\} 1$/m);
  assert.match(text, /^dda_http_seconds_count\{method="GET",route="\/v1\/pools",status="200"\} 1$/m);
});

test('what is typed reaches the guest, and what it prints comes back', async (t) => {
  const manager = new ScriptedManager();
  const { client, slots } = await served(t, manager);
  await client.type('web', new Uint8Array(Buffer.from('ls\n')));
  assert.deepEqual(manager.asked[0]?.request, { vm: 'web', text: 'ls\n' });
  const gone = new AbortController();
  const console = await client.console('web', gone.signal);
  assert.equal(slots.open, 1);
  assert.equal(manager.print('web', 'bin dev\n'), 1);
  const { value } = await console.getReader().read();
  assert.equal(Buffer.from(value ?? []).toString(), 'bin dev\n');
  gone.abort();
  while (slots.open > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(manager.print('web', 'nobody hears this'), 0);
});

test('a console ends with its VM, after its last words', async (t) => {
  const manager = new ScriptedManager();
  const { client } = await served(t, manager);
  const console = await client.console('web', t.signal);
  manager.print('web', 'Power down\n');
  manager.emit({ kind: 'vm-removed', name: 'db', exitCode: 0, guestEnd: undefined });
  manager.emit({ kind: 'vm-removed', name: 'web', exitCode: 0, guestEnd: undefined });
  let text = '';
  for await (const bytes of console) text += Buffer.from(bytes).toString();
  assert.equal(text, 'Power down\n');
});
