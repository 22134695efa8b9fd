import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { ManagerSnapshot } from '../../../src/host/index.ts';
import { linkName } from '../../../src/linux/index.ts';
import type { Point } from './act-gate.ts';
import { checkHost } from './host-check.ts';
import { ManagerProcess } from './manager-process.ts';
import { type Operation, type Question, UNPLUGGING } from './words.ts';

const nvme = '0000:01:00.0';
const vm = 'web';
const SETTLE_MS = 20_000;

type Victim = 'manager' | 'vm';

/** An operation, at whose every act a process is killed. */
interface Case {
  readonly what: string;
  /** By ordinary requests, from wherever the last death left the function. */
  readonly prepare: readonly Question[];
  readonly operation: Operation;
  /** Where the function may be when all is at rest again. */
  readonly ends: readonly string[];
  /** Where it may be when the VM process was killed; undefined: the operation has nothing to do with one. */
  readonly endsWithoutVm?: readonly string[];
}

const isVm = (runs: boolean): Question => ({ ask: 'vm', vm, runs });
const at = (to: 'host' | 'pool' | 'lent web'): Question => ({ ask: 'bring', function: nvme, to });
const remove = { do: 'remove', vm, function: nvme, to: 'pool', deadlineMs: 20_000 } as const;

const shape = (count: number): Operation => ({ do: 'virtual-functions', function: nvme, count });

const cases: readonly Case[] = [
  {
    what: 'dismount',
    prepare: [isVm(false), at('host')],
    operation: { do: 'dismount', function: nvme },
    ends: ['host', 'pool'],
  },
  {
    what: 'mount',
    prepare: [at('pool')],
    operation: { do: 'mount', function: nvme },
    ends: ['host', 'pool'],
  },
  {
    what: 'start of a VM',
    prepare: [isVm(false), at('pool')],
    operation: { do: 'create-vm', vm },
    ends: ['pool'],
    endsWithoutVm: ['pool'],
  },
  {
    what: 'add',
    prepare: [isVm(true), at('pool')],
    operation: { do: 'add', vm, function: nvme },
    ends: ['pool', 'lent web'],
    endsWithoutVm: ['pool'],
  },
  {
    what: 'remove to the pool',
    prepare: [isVm(true), at('lent web')],
    operation: remove,
    ends: ['pool', 'lent web'],
    endsWithoutVm: ['pool'],
  },
  {
    what: 'remove to the host',
    prepare: [isVm(true), at('lent web')],
    operation: { ...remove, to: 'host' },
    ends: ['host', 'lent web'],
    endsWithoutVm: ['host', 'pool'],
  },
  {
    what: 'remove at the deadline, from a stopped VM process',
    prepare: [isVm(true), at('lent web')],
    operation: { ...remove, deadlineMs: 200, stopped: true },
    ends: ['pool', 'lent web'],
    endsWithoutVm: ['pool'],
  },
  {
    what: 'stop of a VM',
    prepare: [isVm(true), at('lent web')],
    operation: { do: 'stop-vm', vm },
    ends: ['pool', 'lent web'],
    endsWithoutVm: ['pool'],
  },
  {
    what: 'unplugging by the host, and finding it again',
    prepare: [isVm(true), at('lent web')],
    operation: { do: 'unplug', function: nvme },
    ends: ['pool'],
    endsWithoutVm: ['pool'],
  },
  {
    what: 'making virtual functions',
    prepare: [isVm(false), at('host'), { ask: 'act', operation: shape(0) }],
    operation: shape(2),
    ends: ['host', 'host, with 2'],
  },
  {
    what: 'removing virtual functions',
    prepare: [isVm(false), at('host'), { ask: 'act', operation: shape(2) }],
    operation: shape(0),
    ends: ['host', 'host, with 2'],
  },
];

let manager = new ManagerProcess();
after(() => manager.kill());

function placeIn({ functions }: ManagerSnapshot): string {
  const { owner, present } = functions.find(({ name }) => name === nvme) ?? {};
  const count = functions.filter(({ physicalFunction }) => physicalFunction === nvme).length;
  const place = owner?.kind === 'lent' ? `lent ${owner.vm}` : (owner?.kind ?? 'nowhere');
  if (present !== true) return `${place}, absent`;
  return count === 0 ? place : `${place}, with ${count}`;
}

/** The kernel's word for what happened may be a moment behind. Gives where the function is. */
async function check(ends: readonly string[]): Promise<string> {
  for (const endMs = Date.now() + SETTLE_MS; ; await sleep(50)) {
    // Looked at before the manager is asked: what the kernel tells of is all told by then.
    const isUnplugging = existsSync(UNPLUGGING);
    const { snapshot } = await manager.ask({ ask: 'rest' });
    try {
      assert.ok(!isUnplugging, 'the kernel is still removing the function');
      assert.ok(ends.includes(placeIn(snapshot)), `it is ${placeIn(snapshot)}`);
      checkHost(snapshot);
      return placeIn(snapshot);
    } catch (error) {
      if (Date.now() > endMs) throw new Error(JSON.stringify(snapshot, undefined, 1), { cause: error });
    }
  }
}

/** Gives the act that was struck at; undefined: the operation has no such point. */
async function strike(each: Case, point: Point, victim: Victim) {
  for (const question of each.prepare) await manager.ask(question);
  const { operation } = each;
  const how = await manager.askMortal({ ask: 'act', operation, point, ...(victim === 'vm' ? { vm } : {}) });
  if (how.ok !== undefined) return how.struck;
  manager = new ManagerProcess();
  return how.at ?? assert.fail('it was killed, but not by itself');
}

async function enumerate(each: Case, victim: Victim): Promise<string> {
  const ends = victim === 'vm' ? (each.endsWithoutVm ?? []) : each.ends;
  const found = new Map<string, number>();
  const acts: string[] = [];
  const strikeAt = async (point: Point): Promise<{ readonly takesTime: boolean } | undefined> => {
    try {
      const act = await strike(each, point, victim);
      if (act === undefined) return undefined;
      if (point.moment === 'before') acts.push(act.label);
      const place = await check(ends);
      if (process.env['DDA_VERBOSE'] === '1') {
        process.stderr.write(`${each.what}: ${victim} dead ${point.moment} ${point.at} ${act.label}: ${place}\n`);
      }
      found.set(place, (found.get(place) ?? 0) + 1);
      return act;
    } catch (error) {
      throw new Error(`${victim} dead ${point.moment} act ${point.at}, after ${acts.join(', ')}: ${inspect(error)}`, {
        cause: error,
      });
    }
  };
  for (let number = 1; ; number += 1) {
    const act = await strikeAt({ at: number, moment: 'before' });
    if (act === undefined) {
      if (number > 1) await strikeAt({ at: number - 1, moment: 'after' });
      break;
    }
    // The moment after it is the one before the next.
    if (act.takesTime) await strikeAt({ at: number, moment: 'begun' });
  }
  assert.ok(acts.length > 0);
  const deaths = [...found.values()].reduce((sum, count) => sum + count, 0);
  const places = [...found].map(([place, count]) => `${count} ${place}`).join(', ');
  return `${acts.length} acts, ${deaths} deaths (${places}): ${acts.join(', ')}`;
}

const wanted = new RegExp(process.env['DDA_CASES'] ?? '');
const victims: Readonly<Record<Victim, string>> = { manager: 'the manager', vm: 'the VM process' };
for (const each of cases.filter(({ what }) => wanted.test(what))) {
  for (const victim of ['manager', 'vm'] as const) {
    if (victim === 'vm' && each.endsWithoutVm === undefined) continue;
    test(`${each.what}: ${victims[victim]} dies at every act`, async (t) => {
      const startedAt = performance.now();
      t.diagnostic(await enumerate(each, victim));
      t.diagnostic(`${Math.round(performance.now() - startedAt)} ms`);
    });
  }
}

test('at the end everything is brought home by ordinary requests', async () => {
  await manager.ask({ ask: 'home' });
  const { snapshot } = await manager.ask({ ask: 'act', operation: shape(0) });
  assert.deepEqual(snapshot.vms, []);
  checkHost(snapshot);
  assert.equal(placeIn(snapshot), 'host');
  assert.equal(linkName(`/sys/bus/pci/devices/${nvme}/driver`), 'nvme');
});
