import type { ManagedFunction, Manager } from '../manager/manager.ts';
import type { OwnerKind } from '../ownership/owner.ts';
import type { KeptFunction } from './rule-texts.ts';

/** With these the host's driver has it, or is about to. */
const hostKinds: ReadonlySet<OwnerKind> = new Set<OwnerKind>(['host', 'mounting', 'reshaping']);

export function isKept({ owner }: Pick<ManagedFunction, 'owner'>): boolean {
  return !hostKinds.has(owner.kind);
}

/**
 * Calls `changed` with the functions that are kept from the host: now, and whenever they are others. Changes that come
 * together are told together. Gives what ends it.
 */
export function followKept(
  manager: Pick<Manager, 'snapshot' | 'on'>,
  changed: (kept: readonly KeptFunction[]) => void,
): () => void {
  const kept = new Map<string, KeptFunction>();
  let due: NodeJS.Immediate | undefined;
  const tell = (): void => {
    due = undefined;
    changed([...kept.values()]);
  };
  /** Gives whether that changed anything. */
  const note = (fn: ManagedFunction): boolean => {
    const { name, ids } = fn;
    if (!isKept(fn)) return kept.delete(name);
    if (kept.get(name)?.ids === ids) return false;
    kept.set(name, { name, ids });
    return true;
  };
  const stop = manager.on((event) => {
    const isChanged =
      event.kind === 'function-changed'
        ? note(event.function)
        : event.kind === 'function-removed' && kept.delete(event.name);
    if (isChanged) due ??= setImmediate(tell);
  });
  for (const fn of manager.snapshot().functions) note(fn);
  tell();
  return () => {
    stop();
    if (due === undefined) return;
    clearImmediate(due);
    tell();
  };
}
