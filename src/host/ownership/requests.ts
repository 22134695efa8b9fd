import { LEND_MS, START_MS, STOP_MS } from './bounds.ts';
import type { Draft } from './draft.ts';
import type { Request } from './events.ts';
import {
  needPresent,
  refuseBusyGroup,
  refuseGroupMates,
  refusePhysicalFunctionAway,
  refuseVirtualFunctionsAway,
} from './guards.ts';
import type { FunctionState } from './owner.ts';
import { Refused } from './refusal.ts';
import { awaitEnd, beginReturn, killVm } from './returns.ts';
import { vmOf } from './world.ts';

/** Throws {@link Refused}; then the draft is to be dropped. */
export function request(draft: Draft, event: Request, nowMs: number): void {
  switch (event.kind) {
    case 'dismount':
      for (const group of groupsOf(draft, event.functions)) dismountGroup(draft, group, event);
      return;
    case 'mount':
      for (const name of event.functions) mountGroup(draft, name);
      return;
    case 'assign':
      return assign(draft, event.vm, event.function, nowMs);
    case 'remove':
      return remove(draft, event, nowMs);
    case 'release':
      return release(draft, event.function, event.reset);
    case 'reshape':
      return reshape(draft, event);
    case 'create-vm':
      if (draft.vm(event.vm) !== undefined) throw new Refused('vm-name-taken', event.vm);
      return draft.putVm({ name: event.vm, phase: 'starting', untilMs: nowMs + START_MS });
    case 'stop-vm':
      return stopVm(draft, event.vm, event.force, nowMs);
  }
}

/** One function of each group that is named. */
function groupsOf(draft: Draft, functions: readonly string[]): FunctionState[] {
  const groups = new Map<string, FunctionState>();
  for (const name of functions) {
    const fn = needPresent(draft, name);
    if (fn.owner.kind === 'quarantine') throw new Refused('function-quarantined', name, fn);
    const other = vmOf(fn.owner);
    if (other !== undefined) throw new Refused('function-with-vm', name, fn);
    groups.set(fn.group, fn);
  }
  return [...groups.values()];
}

function dismountGroup(draft: Draft, named: FunctionState, event: Request & { kind: 'dismount' }): void {
  refuseBusyGroup(draft, named);
  const { pool, force } = event;
  for (const fn of draft.members(named.group)) {
    if (fn.owner.kind === 'pool') draft.own(fn, { kind: 'pool', pool });
    if (fn.owner.kind !== 'host' || !fn.present) continue;
    refuseVirtualFunctionsAway(draft, fn);
    refusePhysicalFunctionAway(draft, fn);
    draft.own(fn, { kind: 'dismounting', pool, from: 'host', force });
  }
}

function mountGroup(draft: Draft, name: string): void {
  const named = draft.fn(name);
  if (named === undefined) throw new Refused('no-such-function', name);
  if (named.owner.kind === 'mounting') return;
  if (named.owner.kind === 'quarantine') throw new Refused('function-quarantined', name, named);
  const members = draft.members(named.group);
  const withVm = members.find(({ owner }) => vmOf(owner) !== undefined);
  if (withVm !== undefined) throw new Refused('function-with-vm', name, withVm);
  refuseBusyGroup(draft, named);
  for (const fn of members) {
    if (fn.owner.kind !== 'pool') continue;
    // One that was unplugged has nowhere to go back to: when it comes again it is the host's.
    if (fn.present) draft.own(fn, { kind: 'mounting', pool: fn.owner.pool });
    else draft.drop(fn.name);
  }
}

function assign(draft: Draft, vmName: string, name: string, nowMs: number): void {
  const vm = draft.vm(vmName);
  if (vm === undefined) throw new Refused('no-such-vm', vmName);
  if (vm.phase !== 'running') throw new Refused('vm-not-ready', vmName);
  const fn = needPresent(draft, name);
  const holder = vmOf(fn.owner);
  if (fn.owner.kind === 'quarantine') throw new Refused('function-quarantined', name, fn);
  if (fn.owner.kind === 'lent' && holder === vmName) throw new Refused('already-lent', name, fn);
  if (holder !== undefined && holder !== vmName) throw new Refused('function-with-vm', name, fn);
  refuseBusyGroup(draft, fn);
  if (fn.owner.kind !== 'pool') throw new Refused('not-dismounted', name, fn);
  refuseGroupMates(draft, fn, vmName);
  refusePhysicalFunctionAway(draft, fn);
  draft.own(fn, { kind: 'lending', vm: vmName, pool: fn.owner.pool, untilMs: nowMs + LEND_MS });
}

function remove(draft: Draft, event: Request & { kind: 'remove' }, nowMs: number): void {
  const { vm, function: name, deadlineMs, to } = event;
  const fn = draft.fn(name);
  if (fn === undefined) throw new Refused('no-such-function', name);
  if (draft.vm(vm) === undefined) throw new Refused('no-such-vm', vm);
  if (vmOf(fn.owner) !== vm || fn.owner.kind === 'quarantine') throw new Refused('not-lent', name, fn);
  beginReturn(draft, vm, fn.group, { nowMs, deadlineMs, to });
  for (const mate of draft.members(fn.group)) {
    if (mate.owner.kind === 'verifying' && mate.owner.vm === vm) draft.own(mate, { ...mate.owner, to });
  }
}

function release(draft: Draft, name: string, reset: boolean): void {
  const fn = needPresent(draft, name);
  if (fn.owner.kind !== 'quarantine') throw new Refused('not-quarantined', name, fn);
  refuseBusyGroup(draft, fn);
  const withVm = draft.members(fn.group).find(({ owner }) => vmOf(owner) !== undefined);
  if (withVm !== undefined) throw new Refused('group-with-other-vm', name, withVm);
  refusePhysicalFunctionAway(draft, fn);
  draft.own(fn, { kind: 'verifying', vm: undefined, pool: fn.owner.pool, to: 'pool', reset });
}

function reshape(draft: Draft, event: Request & { kind: 'reshape' }): void {
  const { function: name, virtualFunctions, settings, drivenBy } = event;
  const fn = needPresent(draft, name);
  if (fn.physicalFunction !== undefined) throw new Refused('not-physical-function', name, fn);
  refuseBusyGroup(draft, fn);
  if (fn.owner.kind !== 'host') throw new Refused('physical-function-away', name, fn);
  refuseVirtualFunctionsAway(draft, fn);
  draft.own(fn, { kind: 'reshaping', virtualFunctions, settings, drivenBy });
}

function stopVm(draft: Draft, name: string, force: boolean, nowMs: number): void {
  const vm = draft.vm(name);
  if (vm === undefined) throw new Refused('no-such-vm', name);
  if (force) return killVm(draft, name, nowMs);
  if (vm.phase !== 'running' && vm.phase !== 'starting') return;
  draft.putVm({ name, phase: 'stopping', untilMs: nowMs + STOP_MS });
  awaitEnd(draft, name);
}
