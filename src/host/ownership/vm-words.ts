import { DEFAULT_DEADLINE_MS } from './bounds.ts';
import type { Draft } from './draft.ts';
import type { VmWord } from './events.ts';
import { beginReturn, isBorrowed, released } from './returns.ts';

/** What a VM process says counts only for what it has, and only towards giving it back. */
export function vmWord(draft: Draft, event: VmWord, nowMs: number): void {
  if (event.kind === 'guest-dead') {
    const groups = new Set(draft.functionsOf(event.vm).map(({ group }) => group));
    for (const group of groups) beginReturn(draft, event.vm, group, { nowMs, deadlineMs: 0, to: undefined });
    return;
  }
  const fn = draft.fn(event.function);
  if (fn === undefined || !isBorrowed(fn.owner) || fn.owner.vm !== event.vm) return;
  const { owner } = fn;
  // Its end is what counts now.
  if (owner.kind === 'returning' && owner.phase === 'ending') return;
  switch (event.kind) {
    case 'lent':
      if (owner.kind === 'lending') draft.own(fn, { kind: 'lent', vm: owner.vm, pool: owner.pool });
      return;
    case 'heard':
      if (owner.kind === 'returning' && owner.phase === 'asking') draft.own(fn, { ...owner, heard: true });
      return;
    case 'wanted-now':
      return beginReturn(draft, event.vm, fn.group, { nowMs, deadlineMs: 0, to: undefined });
    case 'let-go':
      beginReturn(draft, event.vm, fn.group, { nowMs, deadlineMs: DEFAULT_DEADLINE_MS, to: undefined });
      return released(draft, fn, owner);
  }
}
