import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { HostError } from '../errors.ts';
import { fakeHost } from '../testing/fake-host.ts';
import { nvmeHost } from '../testing/hosts.ts';
import { withBorrowedFunctions } from './borrow.ts';
import { dismount } from './move.ts';

const bdf = '0000:01:00.0';
const second = { address: '0000:02:00.0', driver: 'nvme', group: 9 };

test('a borrowed function is dismounted during the work and mounted after it', async () => {
  const host = fakeHost(nvmeHost());
  const result = await withBorrowedFunctions(host, ['01:00.0'], () => {
    assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
    assert.deepEqual(host.records.dismounted.get(bdf)?.borrower, host.self);
    return Promise.resolve(42);
  });
  assert.equal(result, 42);
  assert.equal(host.actions.driverOf(bdf), 'nvme');
  assert.equal(host.records.dismounted.size, 0);
});

test('a function that was dismounted before stays dismounted', async () => {
  const host = fakeHost(nvmeHost());
  await dismount(host, [bdf]);
  await withBorrowedFunctions(host, [bdf], () => Promise.resolve());
  assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
  assert.equal(host.records.dismounted.get(bdf)?.borrower, undefined);
});

test('a function that another borrower never gave back is given back by the next', async () => {
  const host = fakeHost(nvmeHost());
  const dead = { processId: 99, startTicks: 990, command: 'dda vm run' };
  await dismount({ ...host, self: dead }, [bdf], { borrow: true });
  await withBorrowedFunctions(host, [bdf], () => {
    assert.deepEqual(host.records.dismounted.get(bdf)?.borrower, host.self);
    return Promise.resolve();
  });
  assert.equal(host.actions.driverOf(bdf), 'nvme');
});

test('a function that a borrower never gave back stays, once it is dismounted by name', async () => {
  const host = fakeHost(nvmeHost());
  const dead = { processId: 99, startTicks: 990, command: 'dda vm run' };
  await dismount({ ...host, self: dead }, [bdf], { borrow: true });
  const report = await dismount(host, [bdf]);
  assert.deepEqual([report.moved, report.unchanged], [[], [bdf]]);
  assert.equal(host.records.dismounted.get(bdf)?.borrower, undefined);
  await withBorrowedFunctions(host, [bdf], () => Promise.resolve());
  assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
});

test('work that throws gives the function back, and its error is what the caller gets', async () => {
  const host = fakeHost(nvmeHost());
  await assert.rejects(
    withBorrowedFunctions(host, [bdf], () => Promise.reject(new Error('the guest is no good'))),
    /the guest is no good/,
  );
  assert.equal(host.actions.driverOf(bdf), 'nvme');
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} during the work ends it in order and gives the function back`, async () => {
    const host = fakeHost(nvmeHost());
    const notices: string[] = [];
    const error = await withBorrowedFunctions(
      host,
      [bdf],
      async (borrowed) => {
        process.kill(process.pid, signal);
        while (!borrowed.signal.aborted) await sleep(1);
        assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
      },
      { onNotice: (notice) => notices.push(notice) },
    ).then(
      () => assert.fail('it ended as if nothing had happened'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof HostError);
    assert.deepEqual([error.code, error.exitCode], ['interrupted', 130]);
    assert.equal(host.actions.driverOf(bdf), 'nvme');
    assert.deepEqual(notices, [
      `${signal}: ending, and giving the functions back …`,
      'Gave 0000:01:00.0 back to the host.',
    ]);
    assert.equal(process.listenerCount(signal), 0);
  });
}

test('a signal while functions are being taken takes them back', async () => {
  for (const stopAt of [1, 2, 3]) {
    const host = fakeHost(nvmeHost());
    const { write } = host.actions;
    host.actions.write = async (path, value) => {
      const outcome = await write.call(host.actions, path, value);
      if (host.actions.acts.length === stopAt) {
        process.emit('SIGINT', 'SIGINT');
        await nextTurn();
      }
      return outcome;
    };
    await assert.rejects(
      withBorrowedFunctions(host, [bdf], () => Promise.resolve()),
      (error: HostError) => error.code === 'interrupted',
    );
    assert.equal(host.actions.driverOf(bdf), 'nvme', `signal at act ${stopAt}`);
    assert.equal(host.records.dismounted.size, 0);
  }
});

test('a work that does not end after a signal is not waited for longer than its grace', async () => {
  const host = fakeHost(nvmeHost());
  const never = new Promise<void>(() => undefined);
  await assert.rejects(
    withBorrowedFunctions(
      host,
      [bdf],
      () => {
        process.emit('SIGTERM', 'SIGTERM');
        return never;
      },
      { graceMs: 5 },
    ),
    (error: HostError) => error.code === 'interrupted',
  );
  assert.equal(host.actions.driverOf(bdf), 'nvme');
});

test('functions join and leave the loan while the work runs', async () => {
  const host = fakeHost(nvmeHost({}, { functions: [second] }));
  await withBorrowedFunctions(host, [], async (borrowed) => {
    assert.deepEqual(await borrowed.borrow(['01:00.0', '02:00.0']), [bdf, second.address]);
    assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
    await borrowed.giveBack([bdf]);
    assert.equal(host.actions.driverOf(bdf), 'nvme');
    assert.equal(host.actions.driverOf(second.address), 'vfio-pci');
  });
  assert.equal(host.actions.driverOf(second.address), 'nvme');
});

test('one function that can not go home does not keep the others, and both errors are told', async () => {
  const host = fakeHost(nvmeHost({}, { functions: [second] }));
  const error = await withBorrowedFunctions(host, [bdf, second.address], () => {
    host.actions.heldNodes.add('/dev/vfio/5');
    return Promise.reject(new Error('the VM did not let go'));
  }).then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof AggregateError);
  assert.match(error.message, /the VM did not let go\n.*has \/dev\/vfio\/5 open/);
  assert.equal(host.actions.driverOf(second.address), 'nvme');
  assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
  assert.deepEqual([...host.records.dismounted.keys()], [bdf]);
});

test('a borrowed function that is unplugged from the host has nowhere to go back to, and nothing remembers it', async () => {
  const host = fakeHost(nvmeHost());
  const notices: string[] = [];
  await withBorrowedFunctions(
    host,
    [bdf],
    () => {
      host.tree.remove(`/sys/bus/pci/devices/${bdf}`);
      return Promise.resolve();
    },
    { onNotice: (notice) => notices.push(notice) },
  );
  assert.equal(host.records.dismounted.size, 0);
  assert.deepEqual(notices, [`${bdf} is not in the host any more: there is nothing to give back.`]);
});
