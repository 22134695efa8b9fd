import assert from 'node:assert/strict';
import test from 'node:test';
import type { Defect } from './testing/defects.ts';
import { defectiveMachine } from './testing/defects.ts';
import type { Scope } from './testing/environment.ts';
import { oneGroup, smallest, sriov } from './testing/scopes.ts';
import { returnsEnd, RuleBroken, searchOwnership } from './testing/search.ts';

const defects: readonly (Defect & { readonly scope: Scope })[] = [
  {
    what: 'a VM process that does not confirm is not killed',
    file: 'timeouts.ts',
    text: 'if (killsNow) killVm(draft, owner.vm, nowMs);',
    instead: 'if (killsNow) return;',
    rule: returnsEnd,
    scope: smallest,
  },
  {
    what: 'a process that the kernel can not end is waited for',
    file: 'timeouts.ts',
    text: "if (vm.phase !== 'killing') return killVm(draft, name, nowMs);",
    instead: 'return killVm(draft, name, nowMs);',
    rule: returnsEnd,
    scope: smallest,
  },
  {
    what: 'the word of a VM process that it has let go is believed',
    file: 'returns.ts',
    text: "draft.own(fn, { kind: 'verifying', vm, pool: from.pool, to, reset: true });",
    instead: "draft.own(fn, { kind: 'pool', pool: from.pool });",
    rule: 'whoever may hold a function is its owner, or it is being made sure of, or in quarantine',
    scope: smallest,
  },
  {
    what: 'a function goes home before nobody has it open any more',
    file: 'host-facts.ts',
    text: "case 'held': {",
    instead: "case 'held': {\n      if (to === 'host') return { kind: 'mounting', pool };",
    rule: 'whoever may hold a function is its owner, or it is being made sure of, or in quarantine',
    scope: smallest,
  },
  {
    what: 'a killed process is taken for a dead one',
    file: 'returns.ts',
    text: '  awaitEnd(draft, name);\n}\n\n/** The process is gone',
    instead:
      "  for (const fn of draft.functionsOf(name)) if (isBorrowed(fn.owner)) draft.own(fn, { kind: 'mounting', pool: fn.owner.pool });\n}\n\n/** The process is gone",
    rule: 'whoever may hold a function is its owner, or it is being made sure of, or in quarantine',
    scope: smallest,
  },
  {
    what: 'two VMs may have functions of one group',
    file: 'guards.ts',
    text: "if (other !== undefined && other !== vm) throw new Refused('group-with-other-vm', fn.name, mate);",
    instead: '',
    rule: 'no two VMs reach one function, nor two functions of one IOMMU group',
    scope: oneGroup,
  },
  {
    what: 'one function of a group is made sure of while the VM has the other',
    file: 'returns.ts',
    text: 'const all = borrowedOf(draft, vm, fn.group);',
    instead: 'const all = borrowedOf(draft, vm, fn.group).filter(({ name }) => name === fn.name);',
    rule: 'a group is made sure of when nobody is to have any of it, and as a whole',
    scope: oneGroup,
  },
  {
    what: 'any VM process may speak for any function',
    file: 'vm-words.ts',
    text: 'if (fn === undefined || !isBorrowed(fn.owner) || fn.owner.vm !== event.vm) return;',
    instead: 'if (fn === undefined || !isBorrowed(fn.owner)) return;',
    rule: 'the word of a VM process changes only what it has',
    scope: oneGroup,
  },
  {
    what: 'a physical function may go while a virtual one is lent',
    file: 'requests.ts',
    text: '    refuseVirtualFunctionsAway(draft, fn);\n    refusePhysicalFunctionAway(draft, fn);\n    draft.own',
    instead: '    draft.own',
    rule: 'a physical function keeps its driver while one of its virtual ones is away',
    scope: sriov(['first'], ['one']),
  },
  {
    what: 'a function that can not be reset goes back to the pool',
    file: 'host-facts.ts',
    text: "      if (owner.reset && fn.resettable === 'no') return quarantine(pool, QuarantineReason.noReset);\n      return { kind: 'pool', pool };",
    instead: "      return { kind: 'pool', pool };",
    rule: 'what a VM had goes on only after a reset, or by the word of an administrator',
    scope: oneGroup,
  },
  {
    what: 'a failed reset is overlooked',
    file: 'host-facts.ts',
    text: 'return quarantine(pool, QuarantineReason.resetFailed);',
    instead: "return { kind: 'pool', pool };",
    rule: 'a failed reset puts that function in quarantine, and changes no other',
    scope: smallest,
  },
  {
    what: 'after a restart of the host what was dismounted is left to it',
    file: 'presence.ts',
    text: "return { kind: 'dismounting', pool: owner.pool, from: 'pool', force: false };",
    instead: "return { kind: 'host' };",
    rule: 'nothing that was dismounted comes to the host but by a request',
    scope: smallest,
  },
  {
    what: 'what a driver of the host has stays in quarantine',
    file: 'presence.ts',
    text: "if (owner.kind === 'quarantine' && fn.present && driver === 'home' && isLeftToHost(owner)) return { kind: 'host' };",
    instead: '',
    rule: 'what a driver of the host has got out of quarantine is the host’s, unless it was to be dismounted again',
    scope: smallest,
  },
  {
    what: 'what could not be dismounted again is left to the host without a word',
    file: 'presence.ts',
    text: 'return reason !== QuarantineReason.notDismounted && vm === undefined;',
    instead: 'return vm === undefined;',
    rule: 'what a driver of the host has got out of quarantine is the host’s, unless it was to be dismounted again',
    scope: smallest,
  },
  {
    what: 'the end of a VM process is forgotten where it is being made sure of',
    file: 'returns.ts',
    text: "else if (owner.kind === 'verifying') draft.own(fn, { ...owner, vm: undefined });",
    instead: '',
    rule: 'an owner that is a VM is one that exists',
    scope: smallest,
  },
  {
    what: 'a return waits for whatever else is on its way',
    file: 'requests.ts',
    text: '  beginReturn(draft, vm, fn.group, { nowMs, deadlineMs, to });',
    instead:
      "  for (const each of draft.functions()) if (each.owner.kind === 'dismounting') throw new Refused('operation-in-progress', name, each);\n  beginReturn(draft, vm, fn.group, { nowMs, deadlineMs, to });",
    rule: 'an operation never waits for another beyond these',
    scope: sriov(['first'], ['one', 'other']),
  },
];

for (const { scope, ...defect } of defects) {
  test(`the search finds it when ${defect.what}`, async (t) => {
    const { machine, remove } = await defectiveMachine(defect);
    t.after(remove);
    assert.throws(
      () => searchOwnership(machine, scope),
      (error) => {
        assert.ok(error instanceof RuleBroken, String(error));
        assert.equal(error.rule, defect.rule, error.message);
        t.diagnostic(`${error.path.length} events deep`);
        return true;
      },
    );
  });
}
