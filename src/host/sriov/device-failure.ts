import { nvmeStatusText } from '../../linux/index.ts';
import type { NvmeAdminCommand, NvmeCompletion } from '../../linux/index.ts';
import type { Host } from '../moves/host-facts.ts';
import type { DeviceOutcome } from '../moves/ports.ts';
import { judge } from '../moves/run-step.ts';
import type { StepFailure } from '../moves/run-step.ts';

/** What a message to a device or the kernel was for: `function` is marked when it doesn't end in time. */
export interface DeviceAct {
  readonly function: string;
  /** Continues "could not …". */
  readonly intent: string;
}

export type DeviceResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: StepFailure };

/** Turns what became of a device's answer into a result, and marks a function whose device doesn't answer. */
export function judgeDevice<T>(host: Host, act: DeviceAct, outcome: DeviceOutcome<T>): DeviceResult<T> {
  if (outcome.outcome === 'done') return { ok: true, value: outcome.value };
  return { ok: false, failure: asSriov(judge(host, act, outcome), outcome.outcome === 'failed' ? outcome.text : '') };
}

/** Sends commands and fails for the first that the controller refuses. */
export async function askNvme(
  host: Host,
  act: DeviceAct,
  node: string,
  commands: readonly NvmeAdminCommand[],
  deadlineMs: number,
): Promise<DeviceResult<NvmeCompletion[]>> {
  if (commands.length === 0) return { ok: true, value: [] };
  const result = judgeDevice(host, act, await host.actions.nvmeAdmin(node, commands, deadlineMs));
  if (!result.ok) return result;
  const { status } = result.value.at(-1) ?? { status: 0 };
  if (status === 0 && result.value.length === commands.length) return result;
  const refused = commands[result.value.length - 1];
  return { ok: false, failure: refusedBy(node, refused, status) };
}

function refusedBy(node: string, command: NvmeAdminCommand | undefined, status: number): StepFailure {
  const told = command === undefined ? 'a command' : `command 0x${command.opcode.toString(16)}`;
  return sriovFailure(`${node} refused ${told}: ${nvmeStatusText(status)}.`, { node, ...command, status });
}

export function sriovFailure(obstacle: string, details: Readonly<Record<string, unknown>>): StepFailure {
  return {
    code: 'sriov-refused',
    obstacle,
    remedy: 'Look at what the kernel and the driver said in dmesg.',
    details,
    stuck: false,
  };
}

/** An act of this part that failed is told under this part's code; stuck and not permitted stay what they are. */
export function asSriov(failure: StepFailure | undefined, text: string): StepFailure {
  if (failure === undefined) return sriovFailure(`the kernel answered "${text}".`, {});
  if (failure.code !== 'driver-change-failed') return failure;
  return { ...failure, code: 'sriov-refused' };
}
