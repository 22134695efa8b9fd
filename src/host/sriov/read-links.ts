import { decodeVirtualFunctions, encodeLinkQuestion } from '../../linux/index.ts';
import type { VirtualFunctionLink } from '../../linux/index.ts';
import type { Host } from '../moves/host-facts.ts';
import { judgeDevice } from './device-failure.ts';
import type { DeviceResult } from './device-failure.ts';
import type { Setup } from './physical-function.ts';

/** What the card's driver says that each virtual function has, by number. */
export async function readLinks(
  host: Host,
  physicalFunction: string,
  setup: Extract<Setup, { kind: 'network' }>,
  deadlineMs: number,
): Promise<DeviceResult<ReadonlyMap<number, VirtualFunctionLink>>> {
  const act = { function: physicalFunction, intent: `ask ${setup.interfaceName} for its virtual functions` };
  const asked = await host.actions.changeLinks([encodeLinkQuestion(setup.interfaceIndex)], deadlineMs);
  const result = judgeDevice(host, act, asked);
  if (!result.ok) return result;
  return { ok: true, value: decodeVirtualFunctions(result.value[0] ?? new Uint8Array(0)) };
}
