import { encodeVirtualFunctionChanges } from '../../linux/index.ts';
import type { VirtualFunctionLink } from '../../linux/index.ts';
import { HostError } from '../errors.ts';
import { pciDevicesPath } from '../inventory/inventory.ts';
import { readFactsInTurns } from '../moves/host-facts.ts';
import type { Host } from '../moves/host-facts.ts';
import { dismount } from '../moves/move.ts';
import { judge } from '../moves/run-step.ts';
import type { StepFailure } from '../moves/run-step.ts';
import { askNvme, asSriov, judgeDevice, sriovFailure } from './device-failure.ts';
import { findPhysicalFunction, readVirtualFunctionNames } from './physical-function.ts';
import { readLinks } from './read-links.ts';
import { readNvmeControllers } from './read-nvme.ts';
import { formatMac } from './settings.ts';
import type { VfStep } from './step.ts';

/** Does one step on the physical function `name`. Undefined: done. */
export async function runVfStep(
  host: Host,
  name: string,
  step: VfStep,
  deadlineMs: number,
): Promise<StepFailure | undefined> {
  const path = `${pciDevicesPath}/${name}`;
  const act = { function: name, intent: step.intent };
  const write = async (attribute: string, value: string): Promise<StepFailure | undefined> => {
    const outcome = await host.actions.write(attribute, value, deadlineMs);
    if (outcome.outcome === 'done') return undefined;
    return asSriov(judge(host, act, outcome), outcome.outcome === 'failed' ? outcome.text : '');
  };
  switch (step.act) {
    case 'autoprobe': {
      if (step.was !== undefined) host.records.writeAutoprobe({ function: name, on: step.was });
      const failure = await write(`${path}/sriov_drivers_autoprobe`, step.on ? '1' : '0');
      // A process that is killed before leaves the note, and the next that comes by puts it back (restore-autoprobe.ts).
      const isBack = step.was === undefined && host.records.getAutoprobe(name)?.on === step.on;
      if (failure === undefined && isBack) host.records.removeAutoprobe(name);
      return failure;
    }
    case 'count':
      // Taken away already, by another hand or with the driver.
      if (step.count === 0 && readVirtualFunctionNames(host.tree, name).length === 0) return undefined;
      return write(`${path}/sriov_numvfs`, String(step.count));
    case 'check-count': {
      const found = readVirtualFunctionNames(host.tree, name);
      if (found.length === step.count) return undefined;
      return sriovFailure(`there are ${found.length}: ${found.join(', ') || 'none'}.`, { virtualFunctions: found });
    }
    case 'nvme': {
      const result = await askNvme(host, act, step.node, step.commands, deadlineMs);
      return result.ok || step.optional ? undefined : result.failure;
    }
    case 'check-nvme':
      return checkNvme(host, name, step, deadlineMs);
    case 'link':
      return setLink(host, act, step, deadlineMs);
    case 'check-links':
      return checkLinks(host, name, step, deadlineMs);
    case 'dismount':
      return dismountAll(host, name, deadlineMs);
    case 'probe': {
      for (const virtual of readVirtualFunctionNames(host.tree, name)) {
        const failure = await write('/sys/bus/pci/drivers_probe', virtual);
        if (failure !== undefined) return failure;
      }
      return undefined;
    }
  }
}

async function checkNvme(
  host: Host,
  name: string,
  step: VfStep & { act: 'check-nvme' },
  deadlineMs: number,
): Promise<StepFailure | undefined> {
  const { setup } = findPhysicalFunction(host.tree, await readFactsInTurns(host), step.intent, name);
  if (setup.kind !== 'nvme') return sriovFailure(`${name} has no controller any more.`, {});
  const read = await readNvmeControllers(host, name, setup, deadlineMs);
  if (!read.ok) return read.failure;
  for (const share of step.shares) {
    const found = read.value?.secondaries.find(({ controllerId }) => controllerId === share.controllerId);
    const same =
      found?.online === true &&
      (share.queues === undefined || found.queues === share.queues) &&
      (share.interrupts === undefined || found.interrupts === share.interrupts);
    if (!same) {
      const told =
        found === undefined
          ? 'it is gone'
          : `it is ${found.online ? 'online' : 'offline'} with ${found.queues} queues and ${found.interrupts} interrupts`;
      return sriovFailure(`of controller ${share.controllerId} the device says that ${told}.`, { asked: share, found });
    }
  }
  return undefined;
}

async function setLink(
  host: Host,
  act: { function: string; intent: string },
  step: VfStep & { act: 'link' },
  deadlineMs: number,
): Promise<StepFailure | undefined> {
  const changes = encodeVirtualFunctionChanges(step.interfaceIndex, step.index, step.settings);
  const messages = changes.map(({ message }) => message);
  const result = judgeDevice(host, act, await host.actions.changeLinks(messages, deadlineMs));
  return result.ok ? undefined : result.failure;
}

async function checkLinks(
  host: Host,
  name: string,
  step: VfStep & { act: 'check-links' },
  deadlineMs: number,
): Promise<StepFailure | undefined> {
  const { setup } = findPhysicalFunction(host.tree, await readFactsInTurns(host), step.intent, name);
  if (setup.kind !== 'network') return sriovFailure(`${name} has no network interface any more.`, {});
  const read = await readLinks(host, name, setup, deadlineMs);
  if (!read.ok) return read.failure;
  for (const [index, asked] of step.settings.entries()) {
    const different = differences(asked, read.value.get(index) ?? {});
    if (different.length > 0) {
      return sriovFailure(`virtual function ${index} of ${setup.interfaceName} has ${different.join(', ')}.`, {
        index,
      });
    }
  }
  return undefined;
}

/** What of the settings asked for isn't so. A driver that doesn't say is believed. */
function differences(asked: VirtualFunctionLink, found: VirtualFunctionLink): string[] {
  const mac = (value: Uint8Array | undefined) => (value === undefined ? undefined : formatMac(value));
  const pairs: [string, unknown, unknown][] = [
    ['the MAC address', mac(asked.mac), mac(found.mac)],
    ['VLAN', asked.vlan, found.vlan],
    ['trust', asked.trust, found.trust],
    ['spoof checking', asked.spoofCheck, found.spoofCheck],
  ];
  return pairs
    .filter(([, want, have]) => want !== undefined && have !== undefined && want !== have)
    .map(([setting, want, have]) => `${setting} ${String(have)} instead of ${String(want)}`);
}

async function dismountAll(host: Host, name: string, deadlineMs: number): Promise<StepFailure | undefined> {
  try {
    await dismount(host, readVirtualFunctionNames(host.tree, name), { actDeadlineMs: deadlineMs });
    return undefined;
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    const { code, obstacle, remedy, details } = error;
    return { code, obstacle, remedy, details, stuck: code === 'driver-change-stuck' };
  }
}
