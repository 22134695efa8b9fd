import { pciDevicesPath } from '../inventory/inventory.ts';
import { HostError } from '../errors.ts';
import { readFactsInTurns } from '../moves/host-facts.ts';
import type { Host } from '../moves/host-facts.ts';
import { dismount, mountUnheld } from '../moves/move.ts';
import { isProcessAlive } from '../moves/process-mark.ts';
import { rehearseMount } from '../moves/rehearse-mount.ts';
import { findFunction } from '../moves/refusals.ts';
import { surveyFunction, surveyHost } from '../survey/survey.ts';
import type { HostPort, Look } from './host-port.ts';
import { isLook, lookAt } from './look.ts';
import { baseName } from '../tree/host-tree.ts';
import { verifyGroup } from './verify.ts';

/** The functions of a host, looked at in its tree and moved by its kernel. */
export function kernelHost(host: Host): HostPort {
  return {
    look() {
      const records = host.records.list();
      const looks = new Map<string, Look>();
      for (const name of host.tree.list(pciDevicesPath)) {
        const look = lookAt(host, name, records);
        if (isLook(look)) looks.set(name, look);
      }
      return looks;
    },
    releaseDead: () => host.records.releaseDead((mark) => isProcessAlive(host.tree, mark)),
    lookAt(name) {
      const look = lookAt(host, name);
      return isLook(look) ? look : undefined;
    },
    virtualFunctionsOf(name) {
      const path = `${pciDevicesPath}/${name}`;
      const links = host.tree.list(path).filter((each) => /^virtfn[0-9]+$/.test(each));
      return links.flatMap((each) => {
        const target = host.tree.link(`${path}/${each}`);
        return target === undefined ? [] : [baseName(target)];
      });
    },
    isMachinery(name) {
      const look = lookAt(host, name);
      return look !== undefined && !isLook(look);
    },
    async survey(names) {
      const facts = await readFactsInTurns(host);
      if (names === undefined) return surveyHost(facts);
      return names.map((name) => surveyFunction(facts, findFunction(facts.inventory, `survey ${name}`, name)));
    },
    async dismount(functions, { force, again }) {
      for (const name of functions) refuseBorrowedByOthers(host, name);
      const report = await dismount(host, functions, { force });
      if (again) for (const name of functions) forgetDriverless(host, name);
      return report;
    },
    mount: (functions) => mountUnheld(host, functions),
    async rehearse(functions) {
      for (const name of functions) lookAt(host, name);
      await rehearseMount(host, functions);
    },
    forget: (name) => host.records.remove(name),
    verify: (functions, reset) => verifyGroup(host, functions, reset),
  };
}

/**
 * No driver had it because it was kept from them since the host started, not because it has none: without a note of that the kernel
 * is asked for its driver when it is mounted.
 */
function forgetDriverless(host: Host, name: string): void {
  if (host.records.get(name)?.hostDriver === undefined) host.records.remove(name);
}

/** It is with VFIO's driver already, but for a process that runs without the manager (`dda vm run`). */
function refuseBorrowedByOthers(host: Host, name: string): void {
  const borrower = host.records.get(name)?.borrower;
  if (borrower === undefined || !isProcessAlive(host.tree, borrower)) return;
  throw new HostError('function-held', {
    asked: `dismount ${name}`,
    obstacle: `process ${borrower.processId} (${borrower.command}) has borrowed ${name}.`,
    remedy: 'It gives the function back when it ends: end it, or eject the function there.',
    details: { function: name, holders: [{ processId: borrower.processId, processName: borrower.command }] },
  });
}
