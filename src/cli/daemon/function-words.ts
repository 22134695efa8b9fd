import type { ManagedFunctionJson } from '../../api/index.ts';
import type { Style } from '../terminal.ts';

/** Where a function stands, in few words: `lent to web`, `in pool fast`. */
export function whereabouts(fn: ManagedFunctionJson): string {
  const { pool, vm } = fn;
  const absent = fn.present ? '' : ', unplugged';
  switch (fn.state) {
    case 'host':
      return `at the host${absent}`;
    case 'pool':
      return `in pool ${pool}${absent}`;
    case 'lent':
      return `lent to ${vm}`;
    case 'lending':
      return `on its way to ${vm}`;
    case 'returning':
      return `on its way back from ${vm}`;
    case 'verifying':
      return 'on its way back: being reset';
    case 'dismounting':
      return `on its way to pool ${pool}`;
    case 'mounting':
      return 'on its way to the host';
    case 'reshaping':
      return 'at the host: its virtual functions are being changed';
    case 'quarantine':
      return `in quarantine: ${quarantineWords[fn.quarantineReason ?? 'held']}`;
  }
}

const quarantineWords: Readonly<Record<NonNullable<ManagedFunctionJson['quarantineReason']>, string>> = {
  'reset-failed': 'its reset failed',
  'no-reset': 'a VM had it, and it can not be reset',
  held: 'somebody still holds it',
  stuck: 'an act on it is blocked in the kernel',
  'not-dismounted': "the host's driver got hold of it again",
};

export function styleOf({ state }: ManagedFunctionJson): Style | undefined {
  if (state === 'lent') return 'green';
  if (state === 'quarantine') return 'red';
  return state === 'host' || state === 'pool' ? undefined : 'yellow';
}
