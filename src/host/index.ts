export { ExitCode, HostError, hostErrorKinds } from './errors.ts';
export type { HostErrorCode, HostErrorParts } from './errors.ts';
export { errorKinds, exitCodeFor } from './error-kinds.ts';
export { ReportedError, reportOf } from './error-report.ts';
export type { ErrorReport } from './error-report.ts';
export { DirectoryTree } from './tree/directory-tree.ts';
export { TreeAccessDenied } from './tree/host-tree.ts';
export type { HostTree } from './tree/host-tree.ts';
export { describeFunction, isMachinery, isVfioDriver, productName } from './inventory/host-function.ts';
export type { CapabilityFacts, HostFunction, HostInventory, SriovFacts } from './inventory/host-function.ts';
export type { IommuGroup, ReservedRegion } from './inventory/iommu-groups.ts';
export { mmioNeeds } from './inventory/mmio-needs.ts';
export type { MmioNeeds } from './inventory/mmio-needs.ts';
export { readInventory } from './inventory/inventory.ts';
export type { HostBar } from './inventory/resource-table.ts';
export { UseKind, usageOf } from './usage/function-usage.ts';
export type { FunctionUsage, HostUsage, HostUse, NodeHolder } from './usage/function-usage.ts';
export { readUsage } from './usage/usage.ts';
export { captureHost } from './capture/capture-host.ts';
export type { Capture } from './capture/capture-host.ts';
export { openCapture, writeCapture } from './capture/capture-files.ts';
export { acsPath } from './survey/acs-path.ts';
export type { AcsHop } from './survey/acs-path.ts';
export { surveyTree } from './survey/survey-tree.ts';
export type { HostFacts } from './survey/facts.ts';
export { Verdict, Weight, reasonCodes } from './survey/reason.ts';
export type { Reason, ReasonCode } from './survey/reason.ts';
export { surveyFunction, surveyHost } from './survey/survey.ts';
export type { FunctionSurvey } from './survey/survey.ts';
export { withBorrowedFunctions } from './moves/borrow.ts';
export type { Borrowed, BorrowOptions } from './moves/borrow.ts';
export { defaultActDeadlineMs } from './moves/execute.ts';
export type { MoveOptions, MoveReport } from './moves/execute.ts';
export { readFacts } from './moves/host-facts.ts';
export type { Host } from './moves/host-facts.ts';
export { canonicalName, dismount, mount } from './moves/move.ts';
export type { DismountOptions } from './moves/move.ts';
export type { ActOutcome, KernelActions, LockOwner, LockResult, NodeClaim, RecordStore } from './moves/ports.ts';
export type { DismountRecord, ProcessMark, StuckAct } from './moves/record.ts';
export type { MovePlan, Step } from './moves/step.ts';
export { createVirtualFunctions } from './sriov/create-virtual-functions.ts';
export type { CreateReport, CreateRequest } from './sriov/create-virtual-functions.ts';
export type { VirtualFunctionsTo } from './sriov/plan-create.ts';
export { listPhysicalFunctions, readVirtualFunctions } from './sriov/read-virtual-functions.ts';
export type {
  SharedResource,
  VirtualFunctionReport,
  VirtualFunctionsReport,
} from './sriov/read-virtual-functions.ts';
export { removeVirtualFunctions } from './sriov/remove-virtual-functions.ts';
export type { RemoveOptions, RemoveReport } from './sriov/remove-virtual-functions.ts';
export type { VfOptions } from './sriov/execute-vf-plan.ts';
export type { VirtualFunctionSettings } from './sriov/settings.ts';
export { openHost } from './kernel/open-host.ts';
export { readReadiness } from './readiness/read-readiness.ts';
export { judgeReadiness } from './readiness/readiness.ts';
export type { ReadinessCheck, ReadinessFacts } from './readiness/readiness.ts';
export type { SessionEvent } from './lending/session-events.ts';
export { DEFAULT_EJECT_DEADLINE_MS, VmSession } from './lending/vm-session.ts';
export type { VmSessionOptions } from './lending/vm-session.ts';
export { demoErrorKinds, DemoError } from './demo/demo-error.ts';
export type { DemoErrorCode } from './demo/demo-error.ts';
export { demoSteps } from './demo/demo-events.ts';
export type { DemoEvent, DemoResult, DemoStep, StepTime } from './demo/demo-events.ts';
export { runDemo } from './demo/run-demo.ts';
export type { DemoOptions } from './demo/demo-options.ts';
export type { OnStage } from './demo/run-demo.ts';
export { readDemoImages } from './demo/demo-images.ts';
export type { DemoStage, DemoVm, DemoVmListener } from './demo/demo-stage.ts';
export { checkVmName } from './control/vm-names.ts';
export { askVm, controlDirectory, listVms, onlyVm, traceVm } from './control/control.ts';
export type { ListedVm } from './control/control.ts';
export type { TraceNews } from './control/trace-source.ts';
export type { ControlOp, ControlRequest, ControlResult, VmStatus } from './control/protocol.ts';
export { Disk, functionName, openDisks } from './disks/disk.ts';
export { type DiskSpec, parseDisk } from './disks/disk-file.ts';
export { withGuestOnDisk, writeGuest } from './guest/guest-on-disk.ts';
export type { GuestSpec } from './guest/guest-on-disk.ts';
export { BASE_COMMAND_LINE, prepareGuest } from './guest/prepare-guest.ts';
export type { GuestFiles, PreparedGuest } from './guest/prepare-guest.ts';
export { askedFunctions } from './running/asked-functions.ts';
export { decodeCrash, guestFailure, reportedGuestFailure } from './running/guest-failure.ts';
export { runVm } from './running/run-vm.ts';
export type { RunningGuest, VmRunObserver, VmRunRequest, VmRunResult } from './running/vm-run.ts';
export { highWindowsFor, windowSizesFor } from './running/start-session.ts';

export type { AuditEntry, AuditPage, Caller } from './journal/audit.ts';
export type { JournalPort } from './journal/journal.ts';
export type { HostNews, HostNewsPort, HostPort, VirtualFunctionsPort } from './manager/host-port.ts';
export { defaultKeepRulesPath, keepRulesFile } from './manager/keep-rules.ts';
export type { KeepRulesPort } from './manager/keep-rules.ts';
export { kernelHost } from './manager/kernel-host.ts';
export type {
  AddRequest,
  CreateVirtualFunctionsRequest,
  DismountRequest,
  ManagedFunction,
  ManagedVm,
  Manager,
  ManagerEvent,
  ManagerSnapshot,
  RemoveRequest,
  RequestOutcome,
  VmCounters,
} from './manager/manager.ts';
export type { ManagerParts } from './manager/manager-parts.ts';
export type {
  ClockPort,
  GuestEnd,
  LendOrder,
  LendOutcome,
  VmPort,
  VmProcess,
  VmProcessEnd,
  VmProcessEvent,
  VmProcessStatus,
  VmSpec,
} from './manager/ports.ts';
export { systemClock } from './manager/system-clock.ts';
export { QuarantineReason } from './ownership/owner.ts';
export type { Destination, FunctionState, Owner, VmPhase } from './ownership/owner.ts';
export type { OwnerKind } from './ownership/owner.ts';
export { BORROWED_POOL, bringHome } from './serving/bring-home.ts';
export { EndingWatch } from './moves/ending-watch.ts';
export { openManager } from './serving/serving.ts';
export type { ManagerPlaces, ManagerReports, OpenedManager } from './serving/opened-manager.ts';
export { initramfsScript, type KeptFunction } from './boot-rules/initramfs-script.ts';
