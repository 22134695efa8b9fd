import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeFile, countOpenFiles, OpenFlag, openFile, type PassedNode } from '../../linux/index.ts';
import type { EjectOutcome } from '../assignment/assignment.ts';
import { decodeResult, type VmEvent, type VmRequest } from './protocol.ts';
import { type Loan, type ServedVm, VmService } from './vm-service.ts';

const name = '0000:01:00.0';
const lend: VmRequest = {
  id: 1,
  op: 'lend',
  function: name,
  serial: 1,
  node: { kind: 'group', group: '12', passed: true },
};

/** Keeps what it is lent open until it is revoked; asking the guest ends as the test says. */
class FakeVm implements ServedVm {
  readonly consoleBytes = 0;
  readonly exits = 7;
  readonly untakenBytes = 0;
  warnings: readonly string[] = ['No reset.'];
  readonly ejection = Promise.withResolvers<EjectOutcome>();
  #fd: number | undefined;

  /** What opening the function waits for. */
  opened: Promise<void> = Promise.resolve();

  async lend(_order: Extract<VmRequest, { op: 'lend' }>, node: PassedNode, signal: AbortSignal): Promise<Loan> {
    this.#fd = node.fd;
    const unwanted = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => unwanted.reject(signal.reason));
    try {
      await Promise.race([this.opened, unwanted.promise]);
    } catch (error) {
      this.close();
      throw error;
    }
    return { warnings: this.warnings, eject: () => this.ejection.promise, revoke: () => this.close() };
  }

  close(): void {
    if (this.#fd !== undefined) closeFile(this.#fd);
    this.#fd = undefined;
  }

  type(): void {
    assert.fail('nothing is typed');
  }

  stop(): void {
    assert.fail('nobody stops it');
  }
}

function bench(): { vm: FakeVm; service: VmService; told: VmEvent[] } {
  const told: VmEvent[] = [];
  const vm = new FakeVm();
  return { vm, service: new VmService(vm, (event) => told.push(event)), told };
}

const node = (): number => openFile('/dev/null', OpenFlag.readOnly);

test('descriptors that a request must not have, or lacks, are closed and the request refused', () => {
  const { service } = bench();
  const before = countOpenFiles();
  assert.throws(() => service.answer({ id: 1, op: 'ping' }, [node()]), { code: 'vm-request-refused' });
  assert.throws(() => service.answer(lend, []), { code: 'vm-request-refused' });
  assert.throws(() => service.answer(lend, [node(), node()]), { code: 'vm-request-refused' });
  assert.equal(countOpenFiles(), before);
});

test('a revoke ends an eject that waits, which is told as what it was', async () => {
  const { service, told } = bench();
  await service.answer(lend, [node()]);
  await service.answer({ id: 2, op: 'eject', function: name, deadlineMs: 60_000 }, []);
  await service.answer({ id: 3, op: 'revoke', function: name }, []);
  assert.deepEqual(told, [{ event: 'ejected', function: name, outcome: 'rescinded' }]);
});

test('a failed eject ends with the function gone, and is told as failed', async () => {
  const { vm, service, told } = bench();
  const before = countOpenFiles();
  assert.deepEqual(await service.answer(lend, [node()]), { warnings: ['No reset.'] });
  assert.deepEqual(service.answer({ id: 2, op: 'eject', function: name, deadlineMs: 5 }, []), { state: 'asking' });
  vm.ejection.reject(new Error('a bug'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told, [{ event: 'ejected', function: name, outcome: 'failed' }]);
  assert.equal(countOpenFiles(), before);
});

test('what the host’s kernel waits for it has before anybody is told, with a guest that is being asked for it, too', async () => {
  const { service, told } = bench();
  const before = countOpenFiles();
  await service.answer(lend, [node()]);
  await service.answer({ id: 2, op: 'eject', function: name, deadlineMs: 60_000 }, []);
  service.releaseRequested(name);
  assert.equal(countOpenFiles(), before);
  assert.deepEqual(told, [
    { event: 'ejected', function: name, outcome: 'rescinded' },
    { event: 'release-requested', function: name },
  ]);
  assert.deepEqual(service.recall(), []);
  // As a manager does that has just been told.
  assert.deepEqual(await service.answer({ id: 3, op: 'revoke', function: name }, []), {});
});

test('of a function that is gone nothing is told any more', async () => {
  const { service, told } = bench();
  await service.answer(lend, [node()]);
  service.functionFailed(name, 'an uncorrectable error');
  await service.answer({ id: 2, op: 'revoke', function: name }, []);
  service.functionFailed(name, 'again');
  service.releaseRequested(name);
  assert.deepEqual(told, [{ event: 'function-failed', function: name, reason: 'an uncorrectable error' }]);
  assert.deepEqual(service.recall(), []);
});

test('a manager takes what it is answered, however much there is to warn of, the first time and when it asks again', async () => {
  const vm = new FakeVm();
  vm.warnings = Array.from({ length: 20 }, () => 'w'.repeat(4000));
  const service = new VmService(vm, () => undefined);
  for (const id of [1, 2]) {
    const result = await service.answer({ ...lend, id }, [node()]);
    assert.equal(decodeResult('lend', result)?.warnings.length, 8);
  }
  vm.close();
});

test('after the end nothing can be lent, and a later manager hears how it ended', async () => {
  const { vm, service, told } = bench();
  await service.answer(lend, [node()]);
  vm.close();
  service.ended({ kind: 'triple-fault', vcpu: 1, rip: 0x10n });
  const end = { event: 'guest-ended', how: 'triple-fault', detail: 'vCPU 1 ended in a triple fault at RIP 0x10' };
  assert.deepEqual(told, [end]);
  assert.deepEqual(service.recall(), [end]);
  assert.deepEqual(service.answer({ id: 2, op: 'status' }, []), {
    guest: 'ended',
    functions: [],
    consoleBytes: 0,
    exits: 7,
  });
  const before = countOpenFiles();
  const fd = node();
  assert.throws(() => service.answer(lend, [fd]), { code: 'vm-gone' });
  assert.equal(countOpenFiles(), before);
});

/** A service that opens a function, until `opened`. */
function opening(): ReturnType<typeof bench> & { lent: Promise<unknown>; opened: PromiseWithResolvers<void> } {
  const all = bench();
  const opened = Promise.withResolvers<void>();
  all.vm.opened = opened.promise;
  return { ...all, opened, lent: Promise.resolve(all.service.answer(lend, [node()])) };
}

test('while a function is opened others are served; who asks whether it is lent is answered when that is known', async () => {
  const { vm, service, opened, lent } = opening();
  assert.deepEqual(service.answer({ id: 2, op: 'ping' }, []), {});
  const answers: string[] = [];
  const note = (what: string) => (result: unknown) => answers.push(`${what} ${JSON.stringify(result)}`);
  const all = [
    lent.then(note('lend')),
    Promise.resolve(service.answer({ id: 3, op: 'status' }, [])).then(note('status')),
    Promise.resolve(service.answer({ id: 4, op: 'eject', function: name, deadlineMs: 5 }, [])).then(note('eject')),
  ];
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(answers, []);
  opened.resolve();
  await Promise.all(all);
  assert.deepEqual(answers, [
    'lend {"warnings":["No reset."]}',
    `status {"guest":"running","functions":["${name}"],"consoleBytes":0,"exits":7}`,
    'eject {"state":"asking"}',
  ]);
  vm.ejection.resolve('ejected');
  vm.close();
});

test('a revoke ends the opening of its function; it can be lent anew', async () => {
  const before = countOpenFiles();
  const { vm, service, lent } = opening();
  const revoked = service.answer({ id: 2, op: 'revoke', function: name }, []);
  vm.opened = Promise.resolve();
  const again = service.answer({ ...lend, id: 3 }, [node()]);
  await assert.rejects(lent, { code: 'lend-refused' });
  assert.deepEqual(await revoked, {});
  assert.deepEqual(await again, { warnings: ['No reset.'] });
  vm.close();
  assert.equal(countOpenFiles(), before);
});

test('a manager that asks once more to lend what is being opened gets the same answer, and its descriptor is closed', async () => {
  const before = countOpenFiles();
  const { vm, service, opened, lent } = opening();
  const again = service.answer({ ...lend, id: 2 }, [node()]);
  opened.resolve();
  assert.deepEqual(await Promise.all([lent, again]), [{ warnings: ['No reset.'] }, { warnings: ['No reset.'] }]);
  vm.close();
  assert.equal(countOpenFiles(), before);
});

test('what is being opened when the VM ends is not lent', async () => {
  const before = countOpenFiles();
  const { service, lent } = opening();
  service.ended({ kind: 'power-off' });
  await assert.rejects(lent, { code: 'vm-gone' });
  assert.equal(countOpenFiles(), before);
});
