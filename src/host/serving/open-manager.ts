import { join } from 'node:path';
import { SqliteJournal } from '../journal/sqlite-journal.ts';
import { AttributeProcess } from '../kernel/attribute-process.ts';
import { openHost } from '../kernel/open-host.ts';
import { keepRulesFile } from '../manager/keep-rules.ts';
import { kernelHost } from '../manager/kernel-host.ts';
import { startManager } from '../manager/start-manager.ts';
import { systemClock } from '../manager/system-clock.ts';
import { restoreEveryAutoprobe } from '../sriov/restore-autoprobe.ts';
import { VmProcesses } from '../vm-processes/vm-processes.ts';
import { kernelNews } from './kernel-news.ts';
import { Precedence } from './precedence.ts';
import type { ManagerPlaces, ManagerReports, OpenedManager } from './opened-manager.ts';
import { virtualFunctionsOf } from './virtual-functions.ts';

const JOURNAL_FILE = 'state.db';

/** Throws HostError `journal-unusable`, `manager-running`, `not-permitted`. */
export async function openManagerHere(
  { stateDirectory, rulesPath, vmDirectory }: ManagerPlaces,
  reports: ManagerReports,
): Promise<OpenedManager> {
  const precedence = new Precedence();
  precedence.take();
  const attributes = new AttributeProcess();
  const host = openHost('dda serve', undefined, attributes);
  for (const problem of await restoreEveryAutoprobe(host)) reports.problem(problem);
  const warn = (text: string): void => reports.warn(text);
  const vms = new VmProcesses({ warn, ...(vmDirectory === undefined ? {} : { directory: vmDirectory }) });
  const manager = await startManager({
    host: kernelHost(host),
    vms,
    journal: new SqliteJournal(join(stateDirectory, JOURNAL_FILE)),
    clock: systemClock,
    precedence,
    virtualFunctions: virtualFunctionsOf(host),
    news: kernelNews(warn),
    log: (vm, text) => reports.vmSaid(vm, text),
    ...(rulesPath === undefined ? {} : { keepRules: keepRulesFile(rulesPath) }),
    onProblem: (error) => reports.problem(error),
    onFatal: (error) => reports.fatal(error),
  });
  // Not before: it would take time from the start.
  attributes.start();
  return {
    manager,
    close: async () => {
      await manager.close();
      await vms.close();
      attributes.close();
      precedence.close();
    },
  };
}
