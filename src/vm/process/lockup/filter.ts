import {
  type AllowedCall,
  type ArgumentCondition,
  compileFilter,
  type FilterPolicy,
  type SystemCallName,
} from '../../../linux/index.ts';
import { ioctlTable } from './ioctl-table.ts';
import type { Phase, Row } from './phase.ts';
import { OWN_PROCESS, refusals, systemCallTable } from './system-call-table.ts';

/** Before its program is executed a VM process can't be held to the tables: the manager's thread that starts it is under that filter, too. */
const beforeExec: FilterPolicy = {
  allowed: [],
  // A ring that Node made before the other filters would be a way around them. The thread itself uses one that it has already.
  refused: [
    { call: 'io_uring_setup', errno: 'ENOSYS' },
    { call: 'io_uring_register', errno: 'ENOSYS' },
  ],
  otherwise: 'allow',
};

/** What the kernel is to allow from `phase` on, of the process whose id is `processId`. */
export function policyFor(phase: Phase, processId: number): FilterPolicy {
  if (phase === 'exec') return beforeExec;
  const holds = ({ until }: Row): boolean => phase === 'start' || until === 'always';
  const allowed = new Map<SystemCallName, (readonly ArgumentCondition[])[] | 'always'>();
  allowed.set('ioctl', [[{ argument: 1, is: ioctlTable.filter(holds).map(({ ioctl }) => ioctl.number) }]]);
  for (const { calls, when } of systemCallTable.filter(holds)) {
    for (const call of calls) {
      const before = allowed.get(call) ?? [];
      if (when === undefined || before === 'always') allowed.set(call, 'always');
      else allowed.set(call, [...before, when.map((condition) => withProcessId(condition, processId))]);
    }
  }
  return {
    allowed: [...allowed].map(([call, when]): AllowedCall => (when === 'always' ? { call } : { call, when })),
    refused: refusals.flatMap(({ calls, errno }) => calls.map((call) => ({ call, errno }))),
    otherwise: 'EPERM',
  };
}

export function filterFor(phase: Phase, processId: number): ReturnType<typeof compileFilter> {
  return compileFilter(policyFor(phase, processId));
}

function withProcessId({ is, ...condition }: ArgumentCondition, processId: number): ArgumentCondition {
  return { ...condition, is: is.map((value) => (value === OWN_PROCESS ? processId : value)) };
}
