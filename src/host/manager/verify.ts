import { isVfioDriver } from '../inventory/host-function.ts';
import { pciDevicesPath } from '../inventory/inventory.ts';
import type { Host } from '../moves/host-facts.ts';
import type { NodeClaim } from '../moves/ports.ts';
import type { Look, Verified } from './host-port.ts';
import { driverOf, isLook, lookAt } from './look.ts';

/** A process that has just ended, or closed its descriptors, may be a moment ahead of the kernel. */
const claimWaitMs = 500;
const claimPollMs = 50;
/** A function-level reset takes 100 ms, one through the bus up to a second; some devices take several to come back. */
const resetDeadlineMs = 15_000;

/** PCI: Command register, bit 2, Bus Master Enable. */
const busMasterBit = 0x4;

/**
 * Makes sure that nobody has the functions' IOMMU group open, keeps everybody out meanwhile, and resets each (`reset` false: leaves
 * them as they are). All are of one group. Never waits for ever.
 */
export async function verifyGroup(
  host: Host,
  functions: readonly string[],
  reset: boolean,
): Promise<ReadonlyMap<string, Verified>> {
  const { looks, claim } = await claimPatiently(host, functions);
  try {
    const verified = await Promise.all(
      functions.map(async (name): Promise<[string, Verified]> => {
        const look = looks.find((each) => each.name === name);
        if (look === undefined) return [name, { finding: 'gone', detail: undefined }];
        if (look.driver !== 'vfio') return [name, await verifyUnbound(host, name, reset)];
        return [name, await verifyBound(host, name, claim, reset)];
      }),
    );
    return new Map(verified);
  } finally {
    if (claim.state === 'free') claim.release();
  }
}

/**
 * How the functions stand, and the claim on their group. A while is waited for a holder to let go, and for a function that has VFIO's
 * driver but no node any more: it is being unplugged, or its driver changed, just now.
 */
async function claimPatiently(
  host: Host,
  functions: readonly string[],
): Promise<{ readonly looks: readonly Look[]; readonly claim: NodeClaim }> {
  for (let waitedMs = 0; ; waitedMs += claimPollMs) {
    const looks = functions.map((name) => lookAt(host, name)).filter(isLook);
    const node = looks.find(({ driver }) => driver === 'vfio')?.groupNode;
    if (node === undefined) return { looks, claim: { state: 'absent' } };
    const claim = host.actions.claimGroupNode(node);
    if (claim.state === 'free' || waitedMs >= claimWaitMs) return { looks, claim };
    await host.sleep(claimPollMs);
  }
}

async function verifyBound(host: Host, name: string, claim: NodeClaim, reset: boolean): Promise<Verified> {
  if (claim.state === 'held') return { finding: 'held', detail: 'A process has its IOMMU group open through VFIO.' };
  if (claim.state === 'absent') {
    return { finding: 'stuck', detail: 'Its VFIO group has no node, so nobody can say who has it open.' };
  }
  return reset ? resetOne(host, name) : { finding: 'clean', detail: undefined };
}

/** VFIO's driver hasn't got it, so nobody reaches it that way. One that has no driver at all can be reset as well. */
async function verifyUnbound(host: Host, name: string, reset: boolean): Promise<Verified> {
  if (!reset || driverOf(host.tree, name) !== undefined) return { finding: 'unbound', detail: undefined };
  const after = await resetOne(host, name);
  return after.finding === 'clean' ? { finding: 'unbound', detail: undefined } : after;
}

async function resetOne(host: Host, name: string): Promise<Verified> {
  const path = `${pciDevicesPath}/${name}`;
  if (!host.tree.exists(`${path}/reset`)) return afterReset(host, name, { finding: 'no-reset', detail: undefined });
  const outcome = await host.actions.write(`${path}/reset`, '1', resetDeadlineMs);
  if (outcome.outcome === 'stuck') {
    return { finding: 'stuck', detail: `Its reset has not ended after ${outcome.afterMs / 1000} s.` };
  }
  if (outcome.outcome === 'failed') {
    return afterReset(host, name, {
      finding: 'reset-failed',
      detail: `The kernel answered its reset with "${outcome.text}".`,
    });
  }
  return afterReset(host, name, uncleanness(host, path) ?? { finding: 'clean', detail: undefined });
}

/** It may have left, or been taken from VFIO's driver, while it was being reset. */
function afterReset(host: Host, name: string, otherwise: Verified): Verified {
  if (!host.tree.exists(`${pciDevicesPath}/${name}`)) return { finding: 'gone', detail: undefined };
  const driver = driverOf(host.tree, name);
  if (otherwise.finding === 'clean' && driver !== undefined && !isVfioDriver(driver)) {
    return { finding: 'unbound', detail: undefined };
  }
  return otherwise;
}

/** What a reset must have brought about: it answers, and doesn't reach for memory. */
function uncleanness(host: Host, path: string): Verified | undefined {
  const config = host.tree.bytes(`${path}/config`, 64);
  if (config === undefined || config.length < 6) return undefined;
  const word = (at: number): number => (config[at] ?? 0) | ((config[at + 1] ?? 0) << 8);
  // A virtual function's ids read all ones; the others' do when nothing answers.
  if (word(0) === 0xffff && !host.tree.exists(`${path}/physfn`)) {
    return { finding: 'reset-failed', detail: 'After its reset it does not answer.' };
  }
  if (word(0) !== 0xffff && (word(4) & busMasterBit) !== 0) {
    return { finding: 'reset-failed', detail: 'After its reset it still may reach for memory (bus mastering is on).' };
  }
  return undefined;
}
