import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { countOpenFiles, FdListener, FdSocket, ProcessHandle } from '../../linux/index.ts';
import { encodeMessage, PROTOCOL_VERSION } from '../../vm/process/index.ts';
import { ServedVmBench, VmProcessError } from '../../vm/testing/index.ts';
import type { LendOrder, VmProcessEnd, VmProcessEvent } from '../manager/ports.ts';
import { RemoteVm } from './remote-vm.ts';

const name = '0000:01:00.0';

interface Bench {
  readonly path: string;
  readonly order: LendOrder;
  remote(): RemoteVm;
  end(): void;
}

/** This process stands for the VM's; nothing here kills it. */
function bench(t: TestContext): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'dda-vm-'));
  const path = join(directory, 'web.sock');
  const node = join(directory, '12');
  writeFileSync(node, '');
  const ended = Promise.withResolvers<VmProcessEnd>();
  const remotes: RemoteVm[] = [];
  t.after(() => {
    for (const remote of remotes) remote.close();
    rmSync(directory, { recursive: true });
  });
  return {
    path,
    order: {
      function: name,
      serial: 1,
      numaNode: 0,
      groupNode: node,
      deviceNode: undefined,
      groupIsOpen: false,
    },
    remote: () => {
      const handle = ProcessHandle.open(process.pid) ?? assert.fail();
      const mark = { processId: process.pid, startTicks: 1 };
      const remote = new RemoteVm({ name: 'web', socketPath: path, mark, handle, ended: ended.promise });
      remotes.push(remote);
      return remote;
    },
    end: () => ended.resolve({ exitCode: 0, signal: undefined }),
  };
}

function served(t: TestContext, path: string): ServedVmBench {
  const vm = new ServedVmBench(path, 'web');
  t.after(() => vm.close());
  return vm;
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (condition()) return;
    await turn();
  }
  assert.fail('it did not come');
}

test('a function is lent by its node, asked for, and given back', async (t) => {
  const { path, order, remote } = bench(t);
  const vm = served(t, path);
  const manager = remote();
  assert.ok((await manager.ping()) >= 0);
  const before = countOpenFiles() ?? 0;
  assert.deepEqual(await manager.lend(order), { outcome: 'lent' });
  assert.equal(countOpenFiles(), before + 1, 'the copy that the VM process has, and no other');
  assert.deepEqual(await manager.lend(order), { outcome: 'lent' });
  assert.equal(countOpenFiles(), before + 1, 'one that is there already needs no second');
  assert.deepEqual((await manager.status()).functions, [name]);
  const heard = Promise.withResolvers<void>();
  const gone = manager.eject(name, 1000, heard.resolve);
  await heard.promise;
  vm.letGo(name, 'ejected');
  await gone;
  assert.equal(countOpenFiles(), before);
  await manager.eject(name, 1000, () => assert.fail('nobody has it'));
});

test('a revoke ends an eject that waits', async (t) => {
  const { path, order, remote } = bench(t);
  const vm = served(t, path);
  const manager = remote();
  await manager.lend(order);
  const gone = manager.eject(name, 60_000, () => undefined);
  await manager.revoke(name);
  await gone;
  assert.deepEqual(vm.revoked, [name]);
  await manager.revoke(name);
});

test('what can not be lent: a node that is not there, a kernel that refuses', async (t) => {
  const { path, order, remote } = bench(t);
  const vm = served(t, path);
  const manager = remote();
  await manager.ping();
  const before = countOpenFiles();
  const missing = await manager.lend({ ...order, groupNode: '/nowhere/12' });
  assert.ok(missing.outcome === 'failed');
  assert.deepEqual([missing.handedOver, missing.error.code], [false, 'lend-refused']);
  vm.refusal = new VmProcessError('vfio-memlock-too-low', 'Not so much memory.');
  const refused = await manager.lend(order);
  assert.deepEqual(refused, {
    outcome: 'failed',
    handedOver: true,
    error: { code: 'vfio-memlock-too-low', message: 'Not so much memory.' },
  });
  assert.equal(countOpenFiles(), before);
});

test('a later manager takes over, hears what it must know, and gets the console from its start', async (t) => {
  const { path, order, remote } = bench(t);
  const vm = served(t, path);
  const first = remote();
  await first.lend(order);
  vm.print(Buffer.from('boot\n'));
  vm.service.guestOs('Linux 6.1.0');
  vm.service.functionFailed(name, 'an uncorrectable error');
  vm.service.crashed({ vp: 1, parameters: [1n, 2n, 3n, 4n, 5n], message: 'panic' });
  const second = remote();
  const events: VmProcessEvent[] = [];
  await second.ping();
  second.listen((event) => events.push(event));
  await until(() => events.some(({ kind }) => kind === 'console'));
  assert.deepEqual(events, [
    { kind: 'guest-os', name: 'Linux 6.1.0' },
    { kind: 'function-failed', function: name, reason: 'an uncorrectable error' },
    { kind: 'crashed', report: { vp: 1, parameters: ['0x1', '0x2', '0x3', '0x4', '0x5'], message: 'panic' } },
    { kind: 'console', bytes: Buffer.from('boot\n') },
  ]);
  await second.type(Buffer.from('x'.repeat(5000)));
  assert.equal(vm.typed.length, 5000);
  vm.untakenBytes = 64 * 1024;
  await assert.rejects(second.type(Buffer.from('x')), { code: 'vm-request-refused' });
  await second.stop();
  assert.equal(vm.stopped, true);
});

test('a manager that reads nothing misses console output, and costs the VM nothing', async (t) => {
  const { path } = bench(t);
  const vm = served(t, path);
  const slow = FdSocket.connect(path);
  assert.ok(slow instanceof FdSocket);
  await turn();
  slow.send(encodeMessage({ id: 1, op: 'console', from: 0 }));
  await turn();
  const chunk = new Uint8Array(60_000).fill(0x2e);
  for (let i = 0; i < 200; i++) vm.print(chunk);
  const offsets: number[] = [];
  let seen = 0;
  for (;;) {
    const message = slow.receive();
    if (message === undefined) {
      if (offsets.at(-1) === 200 * 60_000) break;
      await turn();
      continue;
    }
    assert.ok(message !== 'closed');
    const event = JSON.parse(new TextDecoder().decode(message.payload)) as {
      event?: string;
      offset: number;
      data: string;
    };
    if (event.event !== 'console') continue;
    const size = Buffer.byteLength(event.data, 'base64');
    seen += size;
    offsets.push(event.offset + size);
  }
  assert.ok(seen < 2_000_000, `${seen} bytes of 12,000,000 waited`);
  slow.close();
});

test('connections of other users are dropped', async (t) => {
  const { path } = bench(t);
  const vm = new ServedVmBench(path, 'web', (process.getuid?.() ?? 0) + 1);
  t.after(() => vm.close());
  const socket = FdSocket.connect(path);
  assert.ok(socket instanceof FdSocket);
  let message = socket.receive();
  for (let i = 0; i < 400 && message === undefined; i++) {
    await turn();
    message = socket.receive();
  }
  assert.equal(message, 'closed');
  socket.close();
});

test('a VM process that lies: the connection is given up, requests fail, and the next connection is tried', async (t) => {
  const { path, remote } = bench(t);
  const listener = FdListener.bind(path);
  const accepted: FdSocket[] = [];
  listener.onConnection(() => {
    const socket = listener.accept();
    if (socket === undefined) return;
    accepted.push(socket);
    socket.send(encodeMessage({ event: 'hello', version: PROTOCOL_VERSION, name: 'web', dma: 'container' }));
  });
  t.after(() => {
    for (const thing of [...accepted, listener]) thing.close();
  });
  const manager = remote();
  const asked = assert.rejects(manager.status(), { code: 'vm-not-answering' });
  await until(() => accepted[0]?.receive() !== undefined);
  accepted[0]?.send(new TextEncoder().encode('{"reply":1,"ok":true,"result":{"guest":"a lie"}}'));
  await asked;
  const revoked = assert.rejects(manager.revoke(name), { code: 'vm-not-answering' });
  await until(() => accepted[0]?.receive() !== undefined);
  accepted[0]?.send(new TextEncoder().encode('nonsense'), [listener.fd]);
  await revoked;
  await until(() => accepted.length === 2);
});

test('a VM process that is silent gets so many questions, and what takes a function back all the same', async (t) => {
  const { path, remote, end } = bench(t);
  const listener = FdListener.bind(path);
  let silent: FdSocket | undefined;
  listener.onConnection(() => {
    silent = listener.accept();
    silent?.send(encodeMessage({ event: 'hello', version: PROTOCOL_VERSION, name: 'web', dma: 'container' }));
  });
  t.after(() => {
    silent?.close();
    listener.close();
  });
  const manager = remote();
  await manager.started();
  const questions = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const asked = manager.status().then(
        () => 'answered',
        (error: { code: string }) => error.code,
      );
      return Promise.race([asked, turn().then(() => 'open')]);
    }),
  );
  assert.equal(questions.filter((how) => how === 'open').length, 64);
  assert.equal(questions.filter((how) => how === 'vm-not-answering').length, 236);
  const revoked = assert.rejects(manager.revoke(name), { code: 'vm-gone' });
  const read: unknown[] = [];
  await until(() => {
    const message = silent?.receive();
    if (message !== undefined && message !== 'closed') read.push(JSON.parse(new TextDecoder().decode(message.payload)));
    return read.length === 65;
  });
  assert.deepEqual(read.at(-1), { id: 65, op: 'revoke', function: name });
  end();
  await revoked;
});

test('a flood of messages is read a piece at a time', async (t) => {
  const { path, remote } = bench(t);
  const listener = FdListener.bind(path);
  let flooding: FdSocket | undefined;
  listener.onConnection(() => {
    flooding = listener.accept();
    flooding?.send(encodeMessage({ event: 'hello', version: PROTOCOL_VERSION, name: 'web', dma: 'container' }));
  });
  const manager = remote();
  let heard = 0;
  manager.listen(() => (heard += 1));
  await until(() => flooding !== undefined);
  const event = encodeMessage({ event: 'log', severity: 'info', code: 'x', text: 'y', dropped: 0 });
  const until250 = performance.now() + 250;
  while (performance.now() < until250) {
    for (let room = true; room; ) room = flooding?.send(event) === true;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(heard > 0 && heard <= 4 * 256, `${heard} were read`);
  flooding?.close();
  listener.close();
});

test('the end of the process ends all that waits', async (t) => {
  const { remote, end } = bench(t);
  const manager = remote();
  const waiting = [manager.status(), manager.revoke(name), manager.stop()];
  end();
  for (const request of waiting) await assert.rejects(request, { code: 'vm-gone' });
  await assert.rejects(manager.type(Uint8Array.of(1)), { code: 'vm-gone' });
  manager.kill();
});
