import type { Journalled } from '../../src/host/journal/journal.ts';
import type { Finding, OwnershipEvent } from '../../src/host/ownership/events.ts';
import type { FunctionState, VmState } from '../../src/host/ownership/owner.ts';
import { step } from '../../src/host/ownership/step.ts';
import { OwnershipTable } from '../../src/host/ownership/world.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';

const NAMES = ['0000:01:00.0', '0000:02:00.0', '0000:02:00.1', '0000:03:00.0', '0000:03:10.0', '0000:99:00.0'] as const;
const VMS = ['web', 'db', 'none'] as const;
const FINDINGS: readonly [Finding, ...Finding[]] = [
  'clean',
  'held',
  'reset-failed',
  'no-reset',
  'stuck',
  'unbound',
  'gone',
];

/**
 * The ownership machine hears, in a world as it really is just now, that something has come to an end. Whatever does not wait for that
 * stays as it is. Nothing comes of it but what is looked at here: the manager itself never gets to hear it.
 */
export function hearLate(probe: Probe, { functions, vms }: Journalled, nowMs: number, choices: Choices): void {
  const world = new OwnershipTable(
    functions,
    vms.map(({ state }) => state),
  );
  const name = choices.pick(NAMES);
  const vm = choices.pick(VMS);
  const event = lateFact(choices, name, vm);
  const { changes } = step(world, event, nowMs);
  const waits = isAwaited(event, world.fn(name), world.vm(vm), nowMs);
  const changed = [...changes.functions.keys(), ...changes.vms.keys()];
  probe.check(
    waits || changed.length === 0,
    () => `${event.kind}, for which nothing waits, changes ${changed.join(', ')}`,
  );
}

type Late =
  | 'moved'
  | 'move-failed'
  | 'reshaped'
  | 'verified'
  | 'not-handed-over'
  | 'vm-started'
  | 'function-due'
  | 'vm-due';
type LateFact = Extract<OwnershipEvent, { readonly kind: Late }>;

function lateFact(choices: Choices, name: string, vm: string): LateFact {
  switch (choices.below(8)) {
    case 0:
      return { kind: 'moved', functions: [name] };
    case 1:
      return { kind: 'move-failed', functions: [name], stuck: choices.chance(128) };
    case 2:
      return { kind: 'reshaped', function: name };
    case 3:
      return { kind: 'verified', findings: new Map([[name, choices.pick(FINDINGS)]]) };
    case 4:
      return { kind: 'not-handed-over', vm, function: name };
    case 5:
      return { kind: 'vm-started', vm };
    case 6:
      return { kind: 'function-due', function: name };
    default:
      return { kind: 'vm-due', vm };
  }
}

/** Whether there is something that this ends, be it just now or not. */
function isAwaited({ kind }: LateFact, fn: FunctionState | undefined, vm: VmState | undefined, nowMs: number): boolean {
  const owner = fn?.owner;
  switch (kind) {
    case 'moved':
    case 'move-failed':
      return owner?.kind === 'dismounting' || owner?.kind === 'mounting';
    case 'reshaped':
      return owner?.kind === 'reshaping';
    case 'verified':
      return owner?.kind === 'verifying';
    case 'not-handed-over':
      return (
        (owner?.kind === 'lending' || owner?.kind === 'lent' || owner?.kind === 'returning') && owner.vm === vm?.name
      );
    case 'vm-started':
      return vm?.phase === 'starting';
    case 'function-due':
      return owner !== undefined && 'untilMs' in owner && owner.untilMs !== undefined && owner.untilMs <= nowMs;
    case 'vm-due':
      return vm?.untilMs !== undefined && vm.untilMs <= nowMs;
  }
}
