import { HostError } from '../errors.ts';
import { productName } from '../inventory/host-function.ts';
import { type Host, readFacts } from '../moves/host-facts.ts';
import { canonicalName } from '../moves/move.ts';
import { judgeReadiness } from '../readiness/readiness.ts';
import type { ReadinessFacts } from '../readiness/readiness.ts';
import { surveyFunction } from '../survey/survey.ts';
import { usageOf } from '../usage/function-usage.ts';
import { DemoError } from './demo-error.ts';

/** Class code of an NVM Express I/O controller (PCI Code and ID Assignment, base class 01h, sub-class 08h, interface 02h). */
const NVME_CLASS = { baseClass: 0x01, subClass: 0x08, programmingInterface: 0x02 } as const;

/** The survey's word on the function that the demo is to lend, its full name, and a look at the host itself. Changes nothing. */
export function surveyForDemo(
  host: Host,
  address: string,
  readiness: ReadinessFacts,
): readonly [shown: readonly string[], name: string] {
  const name = canonicalName(address);
  const facts = readFacts(host);
  const fn = facts.inventory.functions.get(name);
  if (fn === undefined) {
    throw new HostError('no-such-function', {
      asked: `lend ${name}`,
      obstacle: `this host has no PCI function ${name}.`,
      remedy: 'See which ones it has with: dda survey',
      details: { function: name },
    });
  }
  const { baseClass, subClass, programmingInterface } = fn.identity;
  if (
    baseClass !== NVME_CLASS.baseClass ||
    subClass !== NVME_CLASS.subClass ||
    programmingInterface !== NVME_CLASS.programmingInterface
  ) {
    throw new DemoError(
      'demo-not-nvme',
      `Can't show the demo with ${name}: it is no NVMe controller but ${productName(fn)}. Name an NVMe controller whose disk may be overwritten.`,
    );
  }
  const missing = judgeReadiness(readiness).find(({ code, state }) => state === 'missing' && code !== 'functions');
  if (missing !== undefined) {
    throw new DemoError(
      'demo-host-not-ready',
      [`Can't show the demo on this host: ${missing.sentence}`, missing.remedy]
        .filter((part) => part !== undefined)
        .join(' '),
    );
  }
  const { verdict, reasons } = surveyFunction(facts, fn);
  const disks = usageOf(facts.usage, name).blockDevices;
  const mates = facts.inventory.groups.get(fn.iommuGroup ?? -1)?.members.length ?? 0;
  return [
    [
      `${name} is an ${productName(fn)}`,
      `driver ${fn.driver ?? 'none'}${disks.length > 0 ? ` (${disks.map((disk) => `/dev/${disk}`).join(', ')})` : ''}, IOMMU group ${fn.iommuGroup ?? '-'}${mates === 1 ? ', alone in it' : ''}: ${verdict}`,
      ...reasons.map(({ sentence }) => sentence),
    ],
    name,
  ];
}
