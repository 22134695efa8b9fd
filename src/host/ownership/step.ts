import type { Action } from './actions.ts';
import { Draft } from './draft.ts';
import { entryActions, hasEntered } from './entered.ts';
import type { OwnershipEvent } from './events.ts';
import { hostFact } from './host-facts.ts';
import { Refused } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { request } from './requests.ts';
import { restart } from './restart.ts';
import { timeout } from './timeouts.ts';
import { vmWord } from './vm-words.ts';
import type { Changes, World } from './world.ts';

export interface Stepped {
  /** Empty after a refusal. To be in the journal before the actions begin. */
  readonly changes: Changes;
  readonly actions: readonly Action[];
  readonly refusal: Refusal | undefined;
}

const nothing: Changes = { functions: new Map(), vms: new Map() };

/** What an event makes of the world, and what is to be done then. Pure: the world is only read. `nowMs`: milliseconds since 1970. */
export function step(world: World, event: OwnershipEvent, nowMs: number): Stepped {
  const draft = new Draft(world);
  try {
    handle(draft, event, nowMs);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { changes: nothing, actions: [], refusal: error.refusal };
  }
  const begun = event.kind === 'restart' ? allActions(draft) : newActions(world, draft);
  return { changes: draft.changes, actions: [...begun, ...forgetting(world, draft)], refusal: undefined };
}

function handle(draft: Draft, event: OwnershipEvent, nowMs: number): void {
  switch (event.kind) {
    case 'dismount':
    case 'mount':
    case 'assign':
    case 'remove':
    case 'release':
    case 'reshape':
    case 'create-vm':
    case 'stop-vm':
      return request(draft, event, nowMs);
    case 'lent':
    case 'heard':
    case 'let-go':
    case 'wanted-now':
    case 'guest-dead':
      return vmWord(draft, event, nowMs);
    case 'function-due':
    case 'vm-due':
      return timeout(draft, event, nowMs);
    case 'restart':
      return restart(draft, event, nowMs);
    case 'moved':
    case 'move-failed':
    case 'reshaped':
    case 'verified':
    case 'not-handed-over':
    case 'vm-started':
    case 'vm-stopped':
    case 'vm-ended':
    case 'host-waits':
    case 'seen':
    case 'gone':
      return hostFact(draft, event, nowMs);
  }
}

/** Of what has come into another state. */
function newActions(world: World, draft: Draft): readonly Action[] {
  const { changes } = draft;
  const functions = [...changes.functions.values()].filter((fn) => fn !== undefined);
  const vms = [...changes.vms.values()].filter((vm) => vm !== undefined);
  return entryActions(
    draft,
    functions.filter((fn) => hasEntered(world.fn(fn.name), fn)),
    vms.filter((vm) => vm.phase !== world.vm(vm.name)?.phase),
  );
}

function allActions(draft: Draft): readonly Action[] {
  return entryActions(draft, [...draft.functions()], [...draft.vms()]);
}

/** What left the host, or had its place taken by another device, is not to be given back any more. */
function forgetting(world: World, draft: Draft): Action[] {
  const forgotten: string[] = [];
  for (const [name, after] of draft.changes.functions) {
    const before = world.fn(name);
    if (before === undefined || before.owner.kind === 'host') continue;
    if (after === undefined || before.ids !== after.ids) forgotten.push(name);
  }
  return forgotten.length === 0 ? [] : [{ act: 'forget', functions: forgotten }];
}
