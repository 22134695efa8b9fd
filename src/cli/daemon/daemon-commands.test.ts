import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { ScriptedManager, type Served, poolFunction, served } from '../../api/testing/index.ts';
import { HostError } from '../../host/index.ts';
import { fakeHost, nvmeHost } from '../../host/testing/index.ts';
import type { ConsolePort } from '../console-port.ts';
import { type CliResult, runCli } from '../testing/run-cli.ts';

const bdf = '0000:01:00.0';

interface Bench {
  readonly manager: ScriptedManager;
  readonly typist: Typist;
  readonly slots: Served['slots'];
  readonly dda: (...args: string[]) => Promise<CliResult>;
}

async function bench(t: TestContext): Promise<Bench> {
  const manager = new ScriptedManager();
  const { socketPath, slots } = await served(t, manager);
  const host = fakeHost(nvmeHost());
  const typist = new Typist();
  return {
    manager,
    typist,
    slots,
    dda: (...args) => runCli(host, args, {}, '/nonexistent', socketPath, typist),
  };
}

/** Somebody at a pipe: what is shown to them, and what they type. */
class Typist implements ConsolePort {
  readonly isTerminal = false;
  shown = '';
  type: (text: string) => void = () => assert.fail('nobody listens');

  write(bytes: Uint8Array): void {
    this.shown += Buffer.from(bytes).toString();
  }

  flushed(): Promise<void> {
    return Promise.resolve();
  }

  listen(typed: (bytes: Uint8Array) => void): () => void {
    this.type = (text) => typed(Buffer.from(text));
    return () => undefined;
  }

  interrupt(): void {
    assert.fail('nobody pressed a key');
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

for (const args of [
  ['list'],
  ['add', 'web', bdf],
  ['remove', 'web', bdf],
  ['release', bdf],
  ['pool', 'list'],
  ['vm', 'create', 'web', '--kernel', '/vmlinuz'],
  ['vm', 'console', 'web'],
  ['audit'],
  ['events'],
  ['boot-script'],
  ['dismount', bdf, '--pool', 'fast'],
]) {
  test(`dda ${args.join(' ')} without a daemon says how to start one`, async () => {
    const { exitCode, output, notices } = await runCli(fakeHost(nvmeHost()), args);
    assert.deepEqual([exitCode, output], [3, '']);
    assert.equal(
      notices,
      "error [daemon-not-running]: Can't reach the daemon: nobody answers at /nonexistent/dda.sock. Start one: systemctl start dda, or as root in a terminal of its own: dda serve\n",
    );
  });
}

test('list: a table, and the document of the API', async (t) => {
  const { manager, dda } = await bench(t);
  manager.functions = [
    poolFunction('0000:00:04.0', { owner: { kind: 'host' }, group: '3', ids: '1b36:000c' }),
    poolFunction(bdf, { owner: { kind: 'lent', vm: 'web', pool: 'fast' }, vm: 'web' }),
    poolFunction('0000:02:00.0', {
      owner: { kind: 'quarantine', pool: 'fast', reason: 'reset-failed', vm: undefined },
      group: '6',
    }),
  ];
  assert.equal(
    (await dda('list')).output,
    [
      'FUNCTION      GROUP  IDS        UNTIL  WHERE',
      '0000:00:04.0  3      1b36:000c  -      at the host',
      '0000:01:00.0  5      1b36:0010  -      lent to web',
      '0000:02:00.0  6      1b36:0010  -      in quarantine: its reset failed',
      '',
    ].join('\n'),
  );
  const { functions } = JSON.parse((await dda('list', '--json')).output) as { functions: { state: string }[] };
  assert.deepEqual(
    functions.map(({ state }) => state),
    ['host', 'lent', 'quarantine'],
  );
});

for (const [args, verb, request] of [
  [['add', 'web', '01:00.0'], 'add', { vm: 'web', function: bdf }],
  [
    ['add', 'web', '--pool', 'fast', '--class', 'nvme'],
    'add',
    { vm: 'web', function: { pool: 'fast', class: '0108' } },
  ],
  [['remove', 'web', '01:00.0'], 'remove', { vm: 'web', function: bdf }],
  [
    ['remove', 'web', bdf, '--deadline', '5s', '--to', 'host'],
    'remove',
    { vm: 'web', function: bdf, deadlineMs: 5000, to: 'host' },
  ],
  [['release', bdf, '--force'], 'release', { function: bdf, force: true }],
  [['pool', 'create', 'fast'], 'create-pool', { name: 'fast' }],
  [['pool', 'remove', 'fast'], 'remove-pool', { name: 'fast' }],
  [['dismount', '01:00.0', '--pool', 'fast'], 'dismount', { functions: [bdf], force: false, pool: 'fast' }],
  [['dismount', '01:00.0', '--force'], 'dismount', { functions: [bdf], force: true }],
  [['mount', '01:00.0'], 'mount', { functions: [bdf] }],
  [
    ['vf', 'create', bdf, '--count', '2', '--mac', '02:00:00:00:00:01', '--vlan', '7', '--to', 'host'],
    'create-virtual',
    {
      physicalFunction: bdf,
      count: 2,
      settings: [{ mac: '02:00:00:00:00:01', vlan: 7 }, { vlan: 7 }],
      drivenBy: 'host',
    },
  ],
  [
    ['vf', 'create', bdf, '--count', '1', '--queues', '3', '--interrupts', '2', '--to', 'nobody'],
    'create-virtual',
    { physicalFunction: bdf, count: 1, settings: [{ queues: 3, interrupts: 2 }], drivenBy: 'nobody' },
  ],
  [['vf', 'remove', bdf], 'remove-virtual', { physicalFunction: bdf }],
] as const) {
  test(`dda ${args.join(' ')}`, async (t) => {
    const { manager, dda } = await bench(t);
    const text = await dda(...args);
    assert.equal(text.exitCode, 0, text.notices);
    assert.deepEqual(manager.asked[0]?.request, request);
    assert.equal(manager.asked[0]?.verb, verb);
    assert.match(text.output, /^(?:0000:01:00\.0|pool fast) .*\n$/);
    const json = await dda(...args, '--json');
    assert.equal((JSON.parse(json.output) as { ok: boolean }).ok, true);
  });
}

test('what the daemon refuses reads as if it had been refused here', async (t) => {
  const { manager, dda } = await bench(t);
  manager.refusal = new HostError('function-in-use', {
    asked: `dismount ${bdf}`,
    obstacle: '/dev/nvme0n1p1 is mounted at /.',
    remedy: 'Unmount it first: umount /',
    details: { function: bdf },
  });
  const { exitCode, output, notices } = await dda('dismount', bdf, '--json');
  assert.equal(exitCode, 4);
  assert.match(
    notices,
    /^error \[function-in-use\]: Can't dismount 0000:01:00\.0: \/dev\/nvme0n1p1 is mounted at \/\./,
  );
  assert.deepEqual(JSON.parse(output), {
    ok: false,
    error: {
      code: 'function-in-use',
      message: manager.refusal.message,
      asked: `dismount ${bdf}`,
      obstacle: '/dev/nvme0n1p1 is mounted at /.',
      remedy: 'Unmount it first: umount /',
      details: { function: bdf },
    },
  });
});

test('options that contradict each other never reach the daemon', async (t) => {
  const { manager, dda } = await bench(t);
  for (const args of [
    ['add', 'web'],
    ['add', 'web', bdf, '--pool', 'fast'],
  ]) {
    const { exitCode, notices } = await dda(...args);
    assert.equal(exitCode, 2);
    assert.match(notices, /\[options-conflict\]/);
  }
  assert.deepEqual(manager.asked, []);
});

test("the vm commands reach the daemon's VMs, by name or the only one", async (t) => {
  const { manager, dda } = await bench(t);
  const spec = { memoryBytes: 2 ** 31, cpuCount: 1, kernel: '/boot/vmlinuz', commandLine: '' };
  await manager.createVm({ name: 'web', spec }, { userId: 0, processId: 1, command: 'test' });
  assert.equal(
    (await dda('vm', 'list')).output,
    'NAME  STATE    PID   CPUS  MEMORY    KERNEL         FUNCTIONS\nweb   running  4711  1     2048 MiB  /boot/vmlinuz  -\n',
  );
  manager.asked.splice(0);
  await dda('vm', 'add', 'web', bdf);
  await dda('vm', 'eject', bdf, '--deadline', '2s');
  await dda('vm', 'rescind', bdf);
  assert.match((await dda('vm', 'stop')).output, /^web ended\n0000:01:00\.0 in pool default\n$/);
  assert.deepEqual(
    manager.asked.map(({ verb, request }) => [verb, request]),
    [
      ['add', { vm: 'web', function: bdf }],
      ['remove', { vm: 'web', function: bdf, deadlineMs: 2000, to: 'host' }],
      ['remove', { vm: 'web', function: bdf, deadlineMs: 0, to: 'host' }],
      ['stop', { name: 'web', force: false }],
    ],
  );
});

test('vm run with a function is refused beside a daemon, without one it is not', async (t) => {
  const { dda } = await bench(t);
  const { exitCode, notices } = await dda('vm', 'run', '--device', bdf);
  assert.equal(exitCode, 4);
  assert.match(
    notices,
    /\[daemon-running\]: Can't lend 0000:01:00\.0 .* dda vm create, dda add, dda vm console\. Or end/,
  );
});

test('the audit as a table', async (t) => {
  const { manager, dda } = await bench(t);
  const by = { userId: 0, processId: 77, command: 'dda' };
  const at = '2026-01-02T03:04:05.000Z';
  manager.auditPage = {
    entries: [
      { id: 8, at, by, what: 'add', target: { vm: 'web' }, outcome: 'refused', code: 'already-lent', tookMs: 1.6 },
      { id: 7, at, by, what: 'mount', target: {}, outcome: 'done', code: undefined, tookMs: 12 },
    ],
    next: 7,
  };
  const { output, notices } = await dda('audit');
  assert.equal(
    output,
    [
      'ID  WHEN                      TOOK   WHO                WHAT   OUTCOME       ABOUT',
      `8   ${at}  2 ms   dda[77] of user 0  add    already-lent  {"vm":"web"}`,
      `7   ${at}  12 ms  dda[77] of user 0  mount  done          {}`,
      '',
    ].join('\n'),
  );
  assert.equal(notices, 'More: dda audit --before 7\n');
});

test('a script for the initramfs: what the pools and the VMs have', async (t) => {
  const { dda } = await bench(t);
  assert.match((await dda('boot-script')).output, /^keep 0000:01:00\.0 0x1b36 0x0010$/m);
  assert.deepEqual((JSON.parse((await dda('boot-script', '--json')).output) as { functions: string[] }).functions, [
    bdf,
  ]);
});

test('events, one a line, until the daemon ends', async (t) => {
  const { manager, slots, dda } = await bench(t);
  const [text, json] = [dda('events'), dda('events', '--json')];
  while (slots.open < 2) await turn();
  const lent = poolFunction(bdf, { owner: { kind: 'lent', vm: 'web', pool: 'default' }, vm: 'web' });
  manager.emit({ kind: 'function-changed', function: lent });
  manager.emit({
    kind: 'vm-removed',
    name: 'web',
    exitCode: 0,
    guestEnd: { how: 'power-off', detail: 'the guest powered off' },
  });
  for (let i = 0; i < 50; i += 1) await turn();
  slots.endAll();
  const at = '2026-01-02T03:04:05.000Z';
  assert.equal(
    (await text).output,
    `${at}  0000:01:00.0 lent to web\n${at}  VM web ended with exit code 0: the guest powered off\n`,
  );
  const kinds = (await json).output
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { kind: string }).kind);
  assert.deepEqual(kinds, ['function-changed', 'vm-removed']);
});

test("a VM's console: what it prints is shown, what is typed arrives in order, and its end ends the command", async (t) => {
  const { manager, typist, slots, dda } = await bench(t);
  const running = dda('vm', 'console', 'web');
  while (slots.open < 1) await turn();
  manager.print('web', 'login: ');
  while (typist.shown === '') await turn();
  for (const key of ['r', 'o', 'o', 't', '\n']) typist.type(key);
  while (manager.asked.length < 5) await turn();
  manager.print('web', 'Power down\n');
  manager.emit({ kind: 'vm-removed', name: 'web', exitCode: 0, guestEnd: undefined });
  assert.equal((await running).exitCode, 0);
  assert.equal(typist.shown, 'login: Power down\n');
  const typed = manager.asked.map(({ request }) => (request as { text: string }).text).join('');
  assert.equal(typed, 'root\n');
});
