// Functions go to VMs and come back, again and again, whatever happens meanwhile; at the end all is as it was.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { linkName } from '../../../src/linux/index.ts';
import { checkHost, processesNow } from './host-check.ts';
import { ManagerProcess } from './manager-process.ts';
import { Seeded } from './seeded.ts';
import { type Operation, type Question, required, UNPLUGGING } from './words.ts';

const functions = ['0000:01:00.0', '0000:02:00.0'] as const;
const vms = ['a', 'b', 'c'] as const;
const SETTLE_MS = 60_000;
const ASKED_MS = 30_000;
/** Short, for guests of which it is known that they won't. */
const IN_VAIN_MS = 300;
/** No operation has more acts. */
const MOST_ACTS = 12;

/** At the highest priority, on the only CPU, with no share left to others, for four seconds. */
const SPIN =
  'echo -1 >/proc/sys/kernel/sched_rt_runtime_us; ' +
  `chrt -f 99 sh -c 'read -r t r </proc/uptime; e=$((\${t%.*}+4)); while [ \${t%.*} -lt $e ]; do read -r t r </proc/uptime; done'`;

const seed = Number(required('DDA_SEED'));
const random = new Seeded(seed);

/** How a cycle may go, and of 200 how many do. */
const kinds = {
  'asked and given back to the pool': 112,
  'asked and given back to the host': 20,
  'revoked without asking': 20,
  'the manager is killed while it lends': 10,
  'the manager is killed while it takes back': 12,
  'the host removes it and finds it again': 8,
  'its reset fails': 6,
  'the guest does not answer the eject': 4,
  'the VM process is stopped': 2,
  'the VM process is killed while it is lent to': 2,
  'the VM process is killed while it gives back': 2,
  'the guest panics': 2,
} as const;
type Kind = keyof typeof kinds;

let manager = new ManagerProcess();
after(() => manager.kill());

async function ask(question: Question) {
  return manager.ask(question);
}

/** Does it, and starts another manager if this one dies of it. */
async function dare(operation: Operation, options: { readonly dies?: boolean; readonly vm?: string }): Promise<void> {
  const point = { at: 1 + random.below(MOST_ACTS), moment: random.one(['before', 'begun', 'after'] as const) };
  const mishap = options.dies === true || options.vm !== undefined ? { point } : {};
  const answer = await manager.askMortal({
    ask: 'act',
    operation,
    ...mishap,
    ...(options.vm === undefined ? {} : { vm: options.vm }),
  });
  if (answer.ok === undefined) manager = new ManagerProcess();
  else if (options.dies === true) {
    await manager.kill();
    manager = new ManagerProcess();
  }
}

async function settled(): Promise<void> {
  for (const endMs = Date.now() + SETTLE_MS; ; await sleep(50)) {
    // Looked at before the manager is asked: what the kernel tells of is all told by then.
    const isUnplugging = existsSync(UNPLUGGING);
    const { snapshot } = await ask({ ask: 'rest' });
    try {
      assert.ok(!isUnplugging, 'the kernel is still removing a function');
      checkHost(snapshot);
      return;
    } catch (error) {
      if (Date.now() > endMs) throw new Error(JSON.stringify(snapshot, undefined, 1), { cause: error });
    }
  }
}

async function cycle(kind: Kind, name: string, vm: string): Promise<void> {
  await ask({ ask: 'vm', vm, runs: true });
  const remove = { do: 'remove', vm, function: name, to: 'pool', deadlineMs: ASKED_MS } as const;
  if (kind === 'the manager is killed while it lends' || kind === 'the VM process is killed while it is lent to') {
    await ask({ ask: 'bring', function: name, to: 'pool' });
    const dies = kind === 'the manager is killed while it lends';
    await dare({ do: 'add', vm, function: name }, dies ? { dies } : { vm });
    await settled();
    await ask({ ask: 'bring', function: name, to: 'pool' });
    return;
  }
  await ask({ ask: 'bring', function: name, to: `lent ${vm}` });
  await ask({ ask: 'seen', vm });
  switch (kind) {
    case 'asked and given back to the pool':
      return dare(remove, {});
    case 'asked and given back to the host':
      return dare({ ...remove, to: 'host' }, {});
    case 'revoked without asking':
      return dare({ ...remove, deadlineMs: 0 }, {});
    case 'the manager is killed while it takes back':
      return dare(remove, { dies: true });
    case 'the VM process is killed while it gives back':
      return dare(remove, { vm });
    case 'the VM process is stopped':
      return dare({ ...remove, deadlineMs: IN_VAIN_MS, stopped: true }, {});
    case 'the host removes it and finds it again':
      return dare({ do: 'unplug', function: name }, {});
    case 'the guest does not answer the eject':
      await ask({ ask: 'type', vm, text: SPIN });
      await sleep(500);
      return dare({ ...remove, deadlineMs: IN_VAIN_MS }, {});
    case 'its reset fails': {
      const methods = `/sys/bus/pci/devices/${name}/reset_method`;
      writeFileSync(methods, '\n');
      await dare(remove, {});
      const { snapshot } = await ask({ ask: 'rest' });
      assert.equal(snapshot.functions.find((fn) => fn.name === name)?.owner.kind, 'quarantine');
      writeFileSync(methods, 'default');
      return;
    }
    case 'the guest panics': {
      const before = (await ask({ ask: 'rest' })).snapshot.vms.find((each) => each.name === vm)?.processId;
      await ask({ ask: 'type', vm, text: 'echo c >/proc/sysrq-trigger' });
      for (const endMs = Date.now() + SETTLE_MS; ; await sleep(100)) {
        const { snapshot } = await ask({ ask: 'rest' });
        const process = snapshot.vms.find((each) => each.name === vm)?.processId;
        if (process !== before || snapshot.functions.every((fn) => fn.name !== name || fn.owner.kind === 'pool'))
          return;
        assert.ok(Date.now() < endMs, 'the function did not come back from the guest that panicked');
      }
    }
  }
}

/** Node's pool of four for what blocks, which starts when it is first needed, be it in the first minute or the last. */
const POOL_THREAD = 'libuv-worker\n';

/** What a process has of the kernel. */
function heldBy(processId: number): { readonly descriptors: number; readonly threads: number } {
  const tasks = `/proc/${processId}/task`;
  const threads = readdirSync(tasks).filter((id) => readFileSync(`${tasks}/${id}/comm`, 'utf8') !== POOL_THREAD);
  return { descriptors: readdirSync(`/proc/${processId}/fd`).length, threads: threads.length };
}

const count = Number(required('DDA_CYCLES'));

test(`${count} cycles over ${vms.length} VMs with failures, seed ${seed}`, async (t) => {
  const all = Object.entries(kinds).flatMap(([kind, times]) => {
    const share = Math.max(1, Math.round((times * count) / 200));
    return Array.from({ length: share }, () => kind as Kind);
  });
  for (const name of functions) await ask({ ask: 'bring', function: name, to: 'pool' });
  const startedAt = performance.now();
  const took = new Map<Kind, number>();
  let cycles = 0;
  for (const kind of random.shuffled(all)) {
    const [name, vm] = [random.one(functions), random.one(vms)];
    const cycleAt = performance.now();
    try {
      await cycle(kind, name, vm);
      await settled();
    } catch (error) {
      throw new Error(`cycle ${cycles}, seed ${seed}: ${kind}, ${name}, ${vm}: ${inspect(error)}`, { cause: error });
    }
    if (process.env['DDA_VERBOSE'] === '1') {
      process.stderr.write(`${cycles} ${kind}: ${Math.round(performance.now() - cycleAt)} ms\n`);
    }
    took.set(kind, (took.get(kind) ?? 0) + performance.now() - cycleAt);
    cycles += 1;
  }
  t.diagnostic(`${cycles} cycles in ${Math.round((performance.now() - startedAt) / 1000)} s, seed ${seed}`);
  for (const [kind, ms] of took)
    t.diagnostic(`${kind}: ${all.filter((each) => each === kind).length}, ${Math.round(ms)} ms`);
});

test('what many cycles leave with a VM process and with the manager is what one leaves', async () => {
  const [name, vm] = [functions[0], vms[0]];
  await ask({ ask: 'vm', vm, runs: true });
  const once = async () => {
    await ask({ ask: 'bring', function: name, to: `lent ${vm}` });
    await ask({ ask: 'seen', vm });
    const { snapshot } = await ask({ ask: 'bring', function: name, to: 'pool' });
    const processId = snapshot.vms.find((each) => each.name === vm)?.processId;
    assert.ok(processId !== undefined);
    return { vm: heldBy(processId), manager: heldBy(manager.processId) };
  };
  await once();
  const before = await once();
  for (let round = 0; round < 5; round += 1) await once();
  assert.deepEqual(await once(), before);
});

test('at the end every function is home, and nothing is left', async () => {
  const { snapshot } = await ask({ ask: 'home' });
  checkHost(snapshot);
  assert.deepEqual(snapshot.vms, []);
  for (const name of functions) assert.equal(linkName(`/sys/bus/pci/devices/${name}/driver`), 'nvme');
  assert.match(readFileSync('/run/dda-test.rules', 'utf8'), /^#[^\n]*\n$/, 'no rule for udev is left');
  const others = processesNow().filter(({ files }) => files.some((file) => /^\/dev\/(kvm|vfio)|kvm-vm/.test(file)));
  assert.deepEqual(others, [], 'nobody has KVM or VFIO open');
});
