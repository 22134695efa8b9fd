import { productName } from '../host/index.ts';
import type { AuditEntry, FunctionSurvey, ManagedFunction, ManagedVm, ManagerEvent } from '../host/index.ts';
import type { AuditEntryJson, EventJson } from './schemas/audit.ts';
import type { ManagedFunctionJson } from './schemas/functions.ts';
import type { SurveyedFunctionJson } from './schemas/survey.ts';
import type { VmJson } from './schemas/vms.ts';

/** One function for programs: its owner's parts side by side, null where there is none. */
export function functionJson(fn: ManagedFunction): ManagedFunctionJson {
  const { owner } = fn;
  return {
    name: fn.name,
    ids: fn.ids,
    group: fn.group,
    physicalFunction: fn.physicalFunction ?? null,
    resettable: fn.resettable,
    present: fn.present,
    state: owner.kind,
    pool: 'pool' in owner ? owner.pool : null,
    vm: fn.vm ?? null,
    returnsTo: owner.kind === 'returning' || owner.kind === 'verifying' ? owner.to : null,
    returnPhase: owner.kind === 'returning' ? owner.phase : null,
    quarantineReason: owner.kind === 'quarantine' ? owner.reason : null,
    until: fn.untilMs === undefined ? null : new Date(fn.untilMs).toISOString(),
    problem: fn.problem ?? null,
  };
}

export function vmJson(vm: ManagedVm): VmJson {
  const { spec } = vm;
  return {
    name: vm.name,
    phase: vm.phase,
    spec: {
      memoryBytes: spec.memoryBytes,
      cpuCount: spec.cpuCount,
      kernel: spec.kernel,
      initramfs: spec.initramfs,
      commandLine: spec.commandLine,
      disks: spec.disks === undefined ? undefined : [...spec.disks],
      highWindowBytes: spec.highWindowBytes === undefined ? undefined : [...spec.highWindowBytes],
    },
    processId: vm.processId ?? null,
    functions: [...vm.functions],
    createdAt: vm.createdAt,
    guestOs: vm.guestOs ?? null,
    crash: vm.crash ?? null,
  };
}

export function auditJson(entry: AuditEntry): AuditEntryJson {
  const { by } = entry;
  return {
    id: entry.id,
    at: entry.at,
    by: { userId: by.userId, processId: by.processId, command: by.command },
    what: entry.what,
    target: entry.target,
    outcome: entry.outcome,
    code: entry.code ?? null,
    tookMs: entry.tookMs ?? null,
  };
}

export function surveyJson({ fn, verdict, reasons }: FunctionSurvey): SurveyedFunctionJson {
  return {
    name: fn.name,
    locationPath: fn.locationPath,
    product: productName(fn),
    driver: fn.driver ?? null,
    iommuGroup: fn.iommuGroup ?? null,
    numaNode: fn.numaNode ?? null,
    resetMethods: fn.resetMethods === undefined ? null : [...fn.resetMethods],
    totalVirtualFunctions: fn.sriov.totalVfs,
    virtualFunctions: [...fn.sriov.virtualFunctions],
    physicalFunction: fn.sriov.physicalFunction ?? null,
    verdict,
    reasons: reasons.map(({ code, weight, sentence, remedy }) => ({ code, weight, sentence, remedy: remedy ?? null })),
  };
}

export function eventJson(event: ManagerEvent): EventJson {
  const { revision, at } = event;
  switch (event.kind) {
    case 'function-changed':
      return { revision, at, kind: event.kind, function: functionJson(event.function) };
    case 'function-removed':
      return { revision, at, kind: event.kind, name: event.name };
    case 'vm-changed':
      return { revision, at, kind: event.kind, vm: vmJson(event.vm) };
    case 'vm-removed':
      return {
        revision,
        at,
        kind: event.kind,
        name: event.name,
        exitCode: event.exitCode ?? null,
        guestEnd: event.guestEnd ?? null,
      };
    case 'pools-changed':
      return { revision, at, kind: event.kind, pools: [...event.pools] };
    case 'audit':
      return { revision, at, kind: event.kind, entry: auditJson(event.entry) };
  }
}
