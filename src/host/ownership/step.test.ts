import assert from 'node:assert/strict';
import test from 'node:test';
import type { Action } from './actions.ts';
import { CONFIRM_MS, KILL_MS } from './bounds.ts';
import type { OwnershipEvent } from './events.ts';
import type { FunctionState, Owner } from './owner.ts';
import { step } from './step.ts';
import { hostFunction } from './testing/scopes.ts';
import { OwnershipTable } from './world.ts';

const startMs = 1_000_000;

/** A world in which the VM `web` runs and has what is given to it. */
class Story {
  readonly table: OwnershipTable;
  actions: readonly Action[] = [];
  nowMs = startMs;

  constructor(...functions: FunctionState[]) {
    this.table = new OwnershipTable(functions, [{ name: 'web', phase: 'running', untilMs: undefined }]);
  }

  at(afterMs: number, event: OwnershipEvent): this {
    this.nowMs = startMs + afterMs;
    const { changes, actions, refusal } = step(this.table, event, this.nowMs);
    assert.equal(refusal, undefined);
    this.table.apply(changes);
    this.actions = actions;
    return this;
  }

  owner(name = 'a'): Owner | undefined {
    return this.table.fn(name)?.owner;
  }

  acts(): string[] {
    return this.actions.map(({ act }) => act);
  }
}

const lent = (name: string, group = name): FunctionState => ({
  ...hostFunction(name, group),
  owner: { kind: 'lent', vm: 'web', pool: 'default' },
});
const remove = (deadlineMs: number, to: 'pool' | 'host' = 'pool'): OwnershipEvent => ({
  kind: 'remove',
  vm: 'web',
  function: 'a',
  deadlineMs,
  to,
});
const due: OwnershipEvent = { kind: 'function-due', function: 'a' };
const heard: OwnershipEvent = { kind: 'heard', vm: 'web', function: 'a' };

test('a timer that comes too early is none', () => {
  const story = new Story(lent('a')).at(0, remove(60_000)).at(59_999, due);
  assert.deepEqual(story.acts(), []);
  assert.equal(story.owner()?.kind, 'returning');
});

test('a VM process that has heard gets the bound for confirming after the deadline, and no more', () => {
  const story = new Story(lent('a')).at(0, remove(60_000)).at(10, heard).at(60_000, due);
  assert.deepEqual(story.acts(), ['revoke']);
  story.at(60_000 + CONFIRM_MS - 1, due);
  assert.deepEqual(story.acts(), []);
  story.at(60_000 + CONFIRM_MS, due);
  assert.deepEqual(story.acts(), ['kill-vm']);
  assert.equal(story.table.vm('web')?.untilMs, startMs + 60_000 + CONFIRM_MS + KILL_MS);
});

test('one that has not heard by then is killed at the deadline', () => {
  const story = new Story(lent('a')).at(0, remove(60_000)).at(60_000, due);
  assert.deepEqual(story.acts(), ['kill-vm']);
});

test('a deadline below the bound is no reason to kill without it', () => {
  const story = new Story(lent('a')).at(0, remove(CONFIRM_MS - 1)).at(CONFIRM_MS - 1, due);
  assert.deepEqual(story.acts(), ['revoke']);
});

test('no deadline: it is revoked at once', () => {
  assert.deepEqual(new Story(lent('a')).at(0, remove(0)).acts(), ['revoke']);
});

test('a later wish shortens a deadline and never lengthens it', () => {
  const story = new Story(lent('a')).at(0, remove(60_000)).at(1_000, remove(5_000)).at(2_000, remove(90_000, 'host'));
  const owner = story.owner();
  assert.ok(owner?.kind === 'returning');
  assert.deepEqual([owner.untilMs, owner.to], [startMs + 6_000, 'host']);
});

test('being told again to revoke is no more time to do so', () => {
  const story = new Story(lent('a')).at(0, remove(0)).at(1_999, remove(0)).at(2_000, due);
  assert.deepEqual(story.acts(), ['kill-vm']);
});

test('everything of a group that the VM has comes back with one of it, and is made sure of together', () => {
  const story = new Story(lent('a', 'group'), lent('b', 'group'), lent('c')).at(0, remove(60_000));
  assert.deepEqual(
    story.actions.map((action) => ('function' in action ? `${action.act} ${action.function}` : action.act)),
    ['ask a', 'ask b'],
  );
  story.at(1, { kind: 'let-go', vm: 'web', function: 'a' });
  assert.deepEqual(story.acts(), []);
  story.at(2, { kind: 'let-go', vm: 'web', function: 'b' });
  assert.deepEqual(story.actions, [{ act: 'verify', functions: ['a', 'b'], reset: true }]);
  assert.equal(story.owner('c')?.kind, 'lent');
});

test('a second function of a group goes to the VM without its node: the VM has that open', () => {
  const other: FunctionState = { ...hostFunction('b', 'group'), owner: { kind: 'pool', pool: 'default' } };
  const story = new Story(lent('a', 'group'), other).at(0, { kind: 'assign', vm: 'web', function: 'b' });
  assert.deepEqual(story.actions, [{ act: 'lend', vm: 'web', function: 'b', groupIsOpen: true }]);
});

test('after a restart bounds begin anew, a guest’s deadline does not', () => {
  const sightings = new Map(
    ['a', 'b'].map((name) => [
      name,
      { ...hostFunction(name, name), driver: 'vfio' as const, adoptInto: undefined, owner: undefined },
    ]),
  );
  const story = new Story(lent('a'), lent('b'))
    .at(0, remove(60_000))
    .at(100, { kind: 'remove', vm: 'web', function: 'b', deadlineMs: 0, to: 'pool' })
    .at(1_500, { kind: 'restart', sightings, liveVms: new Set(['web']) });
  assert.deepEqual(story.actions, [
    { act: 'ask', vm: 'web', function: 'a', untilMs: startMs + 60_000 },
    { act: 'revoke', vm: 'web', function: 'b' },
  ]);
  const [a, b] = [story.owner('a'), story.owner('b')];
  assert.ok(a?.kind === 'returning' && b?.kind === 'returning');
  assert.deepEqual([a.untilMs, b.untilMs], [startMs + 60_000, startMs + 1_500 + CONFIRM_MS]);
});
