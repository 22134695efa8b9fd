import assert from 'node:assert/strict';
import test from 'node:test';
import { Crashing } from '../testing/crashing.ts';
import type { CrashMoment } from '../testing/crashing.ts';
import { settle } from '../testing/fake-clock.ts';
import {
  by,
  display,
  FakeMachine,
  machineDescription,
  network,
  nvme,
  sound,
  spec,
  virtual,
} from '../testing/fake-machine.ts';

/** One operation, whose every act the manager dies at. */
interface Operation {
  readonly what: string;
  /** Before it, undisturbed. */
  readonly prepare: (m: FakeMachine) => Promise<void>;
  readonly act: (m: FakeMachine) => Promise<unknown>;
  /** Where functions may be when another manager has come to rest; `home` only where that was asked for. */
  readonly ends: Readonly<Record<string, readonly string[]>>;
  /** What the VM processes do meanwhile. */
  readonly behaviour?: 'keeps' | 'silent' | 'lies';
}

const poolOrHost = ['pool', 'host'];

const operations: readonly Operation[] = [
  {
    what: 'dismount of a group',
    prepare: async () => undefined,
    act: ({ manager }) => manager.dismount({ functions: [display] }, by),
    ends: { [display]: poolOrHost, [sound]: poolOrHost },
  },
  {
    what: 'mount of a group',
    prepare: async ({ manager }) => void (await manager.dismount({ functions: [display] }, by)),
    act: ({ manager }) => manager.mount({ functions: [display] }, by),
    ends: { [display]: poolOrHost, [sound]: poolOrHost },
  },
  {
    what: 'start of a VM',
    prepare: async () => undefined,
    act: ({ manager }) => manager.createVm({ name: 'web', spec }, by),
    ends: {},
  },
  {
    what: 'lending',
    prepare: async ({ manager }) => {
      await manager.createVm({ name: 'web', spec }, by);
      await manager.dismount({ functions: [nvme] }, by);
    },
    act: ({ manager }) => manager.add({ vm: 'web', function: nvme }, by),
    ends: { [nvme]: ['pool', 'lent web'] },
  },
  {
    what: 'return to the pool',
    prepare: (m) => m.lend('web', nvme),
    act: ({ manager }) => manager.remove({ vm: 'web', function: nvme }, by),
    ends: { [nvme]: ['pool', 'lent web'] },
  },
  {
    what: 'return of a group to the host',
    prepare: (m) => m.lend('web', display, sound),
    act: ({ manager }) => manager.remove({ vm: 'web', function: display, to: 'host' }, by),
    ends: { [display]: ['host', 'pool', 'lent web'], [sound]: ['host', 'pool', 'lent web'] },
  },
  {
    what: 'return from a guest that keeps it',
    behaviour: 'keeps',
    prepare: (m) => m.lend('web', nvme),
    act: async ({ manager, clock }) => {
      const removed = manager.remove({ vm: 'web', function: nvme, deadlineMs: 5_000 }, by);
      await Promise.all([removed, clock.pass(10_000)]);
    },
    ends: { [nvme]: ['pool', 'lent web'] },
  },
  {
    what: 'return from a VM process that never answers',
    prepare: (m) => m.lend('web', nvme, virtual),
    act: async (m) => {
      m.vm('web').behaviour = 'silent';
      const removed = m.manager.remove({ vm: 'web', function: nvme, deadlineMs: 5_000, to: 'host' }, by);
      await Promise.all([removed, m.clock.pass(10_000)]);
    },
    ends: { [nvme]: ['host', 'pool', 'lent web'], [virtual]: ['pool', 'lent web'] },
  },
  {
    what: 'return from a VM process that lies',
    behaviour: 'lies',
    prepare: (m) => m.lend('web', nvme),
    act: ({ manager }) => manager.remove({ vm: 'web', function: nvme, to: 'host' }, by),
    ends: { [nvme]: ['host', 'pool', 'lent web'] },
  },
  {
    what: 'end of a VM process',
    prepare: (m) => m.lend('web', nvme, display, sound),
    act: async (m) => {
      m.vm('web').end({ exitCode: undefined, signal: 'SIGSEGV' });
      await settle();
    },
    ends: { [nvme]: ['pool'], [display]: ['pool'], [sound]: ['pool'] },
  },
  {
    what: 'stop of a VM',
    prepare: (m) => m.lend('web', nvme, virtual),
    act: ({ manager }) => manager.stopVm({ name: 'web' }, by),
    ends: { [nvme]: ['pool', 'lent web'], [virtual]: ['pool', 'lent web'] },
  },
  {
    what: 'unplugging',
    prepare: (m) => m.lend('web', nvme),
    act: async (m) => {
      m.vm('web').say({ kind: 'release-requested', function: nvme });
      m.unplug(nvme);
      await m.clock.pass(1_000);
    },
    ends: { [nvme]: ['pool absent'] },
  },
  {
    what: 'return with a reset that fails',
    prepare: async (m) => {
      await m.lend('web', nvme, virtual);
      m.host.actions.sabotage = ({ path, value }) =>
        path.endsWith(`${nvme}/reset`)
          ? { outcome: 'failed', code: 'ENOTTY', text: 'Inappropriate ioctl for device' }
          : m.watchWrite(path, value);
    },
    act: ({ manager }) => manager.remove({ vm: 'web', function: nvme, to: 'host' }, by),
    ends: { [nvme]: ['quarantine reset-failed', 'lent web'], [virtual]: ['lent web', 'pool'] },
  },
  {
    what: 'making virtual functions',
    prepare: async () => undefined,
    act: ({ manager }) => manager.createVirtualFunctions({ physicalFunction: network, count: 2 }, by),
    ends: { [network]: ['host'], [virtual]: ['host'] },
  },
  {
    what: 'two returns at the same time',
    prepare: async (m) => {
      await m.lend('web', nvme);
      await m.lend('db', virtual);
    },
    act: ({ manager }) =>
      Promise.all([
        manager.remove({ vm: 'web', function: nvme, to: 'host' }, by),
        manager.remove({ vm: 'db', function: virtual }, by),
      ]),
    ends: { [nvme]: ['host', 'pool', 'lent web'], [virtual]: ['pool', 'lent db'] },
  },
];

/** What else befalls the host while no manager runs. */
const meanwhile = ['nothing', 'its VM processes are killed'] as const;

/** Gives how many acts there were, when the manager did not die. */
async function run(
  { prepare, act, ends, behaviour }: Operation,
  crashAt: number,
  moment: CrashMoment,
  mishap: (typeof meanwhile)[number],
): Promise<number> {
  const m = new FakeMachine(machineDescription());
  try {
    if (behaviour !== undefined) m.vms.behaviour = behaviour;
    await m.start();
    await prepare(m);
    await m.manager.close();

    const crashing = new Crashing(crashAt, moment);
    const journal = m.openJournal();
    await m.start(crashing.parts(m, journal));
    const acted = act(m).then(
      () => 'done',
      () => 'failed',
    );
    // A dead manager's promises never resolve.
    await Promise.race([acted, m.clock.pass(20_000)]);
    if (!crashing.isDead) {
      assert.equal(await acted, 'done');
      assert.equal(crashAt, 0, 'it was to die');
      await m.manager.close();
      m.crash();
    } else {
      m.crash();
    }
    journal.close();
    if (mishap !== 'nothing') {
      for (const process of [...m.vms.processes.values()]) process.end({ exitCode: undefined, signal: 'SIGKILL' });
    }
    await settle();

    await m.start();
    await m.clock.pass(120_000);
    check(m, ends);
    // Another start finds nothing more to do.
    const before = whereabouts(m);
    const acts = m.host.actions.acts.length;
    await m.restart();
    await m.clock.pass(120_000);
    assert.deepEqual(whereabouts(m), before);
    assert.equal(m.host.actions.acts.length, acts, 'a second start changed something');
    return crashing.acts.length;
  } finally {
    await m.dispose();
  }
}

function whereabouts(m: FakeMachine): string[] {
  return m.manager.snapshot().functions.map(({ name }) => `${name} ${m.owner(name)}`);
}

function check(m: FakeMachine, ends: Operation['ends']): void {
  assert.deepEqual(m.violations, []);
  assert.deepEqual(m.fatal, []);
  const lentTo = new Map<string, string>();
  for (const { name, owner, present } of m.manager.snapshot().functions) {
    const expected = ends[name] ?? ['host'];
    assert.ok(expected.includes(m.owner(name)), `${name}: ${m.owner(name)}`);
    if (!present) continue;
    const driver = m.host.actions.driverOf(name);
    if (owner.kind === 'host') {
      assert.notEqual(driver, 'vfio-pci', `${name} is at the host`);
      assert.notEqual(driver, undefined, `${name} has its driver again`);
      assert.equal(m.host.actions.overrideOf(name), undefined, `${name} is open to drivers again`);
    } else {
      assert.equal(driver, 'vfio-pci', `${name} is ${owner.kind}`);
    }
    if (owner.kind === 'lent') lentTo.set(name, owner.vm);
  }
  const has = [...m.vms.processes.values()].flatMap((process) =>
    [...process.functions.keys()].map((name): [string, string] => [name, process.name]),
  );
  assert.deepEqual(new Map(has), lentTo, 'VM processes have what they were lent, and nothing else');
  const nodes = [...m.vms.processes.values()].flatMap((process) => [...process.functions.values()]);
  assert.deepEqual(m.host.actions.heldNodes, new Set(nodes), 'nobody else has a group open');
  assert.deepEqual(
    m.manager.snapshot().vms.map(({ name }) => name),
    [...m.vms.processes.keys()].toSorted(),
  );
}

for (const operation of operations) {
  test(`${operation.what}: the manager dies at every act`, async (t) => {
    const acts = await run(operation, 0, 'before', 'nothing');
    let runs = 0;
    for (let crashAt = 1; crashAt <= acts; crashAt += 1) {
      for (const moment of ['before', 'after'] as const) {
        for (const mishap of meanwhile) {
          try {
            await run(operation, crashAt, moment, mishap);
          } catch (error) {
            throw new Error(`dead ${moment} act ${crashAt} of ${acts}; meanwhile: ${mishap}`, { cause: error });
          }
          runs += 1;
        }
      }
    }
    t.diagnostic(`${acts} acts, ${runs} deaths`);
  });
}
