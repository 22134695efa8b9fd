import { type Defect, defectsOf } from './defect.ts';

export const managerDefects: readonly Defect[] = [
  ...defectsOf('manager', 'src/host/ownership', [
    [
      'vm-words.ts',
      'any VM process may speak for any function',
      'if (fn === undefined || !isBorrowed(fn.owner) || fn.owner.vm !== event.vm) return;',
      'if (fn === undefined || !isBorrowed(fn.owner)) return;',
    ],
    [
      'returns.ts',
      'the word of a VM process that it has let go is believed',
      "draft.own(fn, { kind: 'verifying', vm, pool: from.pool, to, reset: true });",
      "draft.own(fn, { kind: 'pool', pool: from.pool });",
    ],
    [
      'timeouts.ts',
      'a VM process that does not confirm is not killed',
      'if (killsNow) killVm(draft, owner.vm, nowMs);',
      'if (killsNow) return;',
    ],
    [
      'host-facts.ts',
      'a failed reset is overlooked',
      'return quarantine(pool, QuarantineReason.resetFailed);',
      "return { kind: 'pool', pool };",
    ],
    [
      'guards.ts',
      'two VMs may have functions of one group',
      "if (other !== undefined && other !== vm) throw new Refused('group-with-other-vm', fn.name, mate);",
      '',
    ],
  ]),
  ...defectsOf('manager', 'src/host/manager', [
    [
      'acts.ts',
      'a function that a VM process had goes on without a reset',
      "outcome.handedOver ? 'let-go' : 'not-handed-over'",
      "'not-handed-over'",
    ],
    [
      'vm-processes.ts',
      'a name of any length is kept',
      'record.guestOs = event.name.slice(0, longestName);',
      'record.guestOs = event.name;',
    ],
  ]),
];
