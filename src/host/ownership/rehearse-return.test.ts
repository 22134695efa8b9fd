import assert from 'node:assert/strict';
import test from 'node:test';
import type { Owner } from './owner.ts';
import { rehearseReturn } from './rehearse-return.ts';
import { hostFunction } from './testing/scopes.ts';
import { OwnershipTable } from './world.ts';

for (const heard of [true, false]) {
  for (const to of ['host', 'pool'] as const) {
    test(`a return to the ${to} that the VM process ${heard ? 'has' : 'has not'} heard of is played through, and the world stays`, () => {
      const owner: Owner = {
        kind: 'returning',
        vm: 'web',
        pool: 'default',
        to,
        phase: 'asking',
        untilMs: 5_000,
        heard,
      };
      const functions = ['a', 'b'].map((name) => ({ ...hostFunction(name, 'group'), owner }));
      const world = new OwnershipTable(functions, [{ name: 'web', phase: 'running', untilMs: undefined }]);
      assert.equal(rehearseReturn(world, 'a')?.owner.kind, to);
      assert.deepEqual([...world.functions()], functions);
      assert.equal(world.vm('web')?.phase, 'running');
    });
  }
}

test('nothing is played through for a function that no VM has', () => {
  assert.equal(rehearseReturn(new OwnershipTable([hostFunction('a', 'a')]), 'a'), undefined);
});
