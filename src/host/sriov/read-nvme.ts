import {
  decodeController,
  decodePrimaryCapabilities,
  decodeSecondaryControllers,
  identifyController,
  identifyPrimaryCapabilities,
  identifySecondaryControllers,
  secondaryListEntries,
} from '../../linux/index.ts';
import type { NvmeSecondaryController } from '../../linux/index.ts';
import type { Host } from '../moves/host-facts.ts';
import { askNvme, judgeDevice } from './device-failure.ts';
import type { DeviceResult } from './device-failure.ts';
import type { NvmeControllers } from './nvme-shares.ts';
import type { Setup } from './physical-function.ts';

type NvmeSetup = Extract<Setup, { kind: 'nvme' }>;

/** Undefined: the controller has nothing to assign; its virtual functions are what they are. */
export async function readNvmeControllers(
  host: Host,
  physicalFunction: string,
  setup: NvmeSetup,
  deadlineMs: number,
): Promise<DeviceResult<NvmeControllers | undefined>> {
  const act = { function: physicalFunction, intent: `ask ${setup.node} what its virtual functions can have` };
  const questions = [
    identifyController(),
    identifyPrimaryCapabilities(setup.controllerId),
    identifySecondaryControllers(0),
  ];
  // Sent together, because each process that asks costs more than the question; a plain controller refuses the later ones.
  const asked = judgeDevice(host, act, await host.actions.nvmeAdmin(setup.node, questions, deadlineMs));
  if (!asked.ok) return asked;
  const [controller, capabilities, list] = asked.value;
  if (controller?.status !== 0 || !decodeController(controller.data).virtualizationManagement) {
    return { ok: true, value: undefined };
  }
  if (capabilities?.status !== 0 || list?.status !== 0) {
    const again = await askNvme(host, act, setup.node, questions, deadlineMs);
    if (!again.ok) return again;
    return { ok: true, value: undefined };
  }
  const secondaries = decodeSecondaryControllers(list.data);
  while (secondaries.length > 0 && secondaries.length % secondaryListEntries === 0) {
    const next = identifySecondaryControllers((secondaries.at(-1)?.controllerId ?? 0) + 1);
    const more = await askNvme(host, act, setup.node, [next], deadlineMs);
    if (!more.ok) return more;
    const page = decodeSecondaryControllers(more.value[0]?.data ?? list.data);
    if (page.length === 0) break;
    secondaries.push(...page);
  }
  return {
    ok: true,
    value: { capabilities: decodePrimaryCapabilities(capabilities.data), secondaries: inOrder(secondaries) },
  };
}

function inOrder(secondaries: readonly NvmeSecondaryController[]): NvmeSecondaryController[] {
  return secondaries
    .filter(({ virtualFunction }) => virtualFunction > 0)
    .toSorted((one, other) => one.virtualFunction - other.virtualFunction);
}
