import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostError } from '../errors.ts';
import { SqliteJournal } from '../journal/sqlite-journal.ts';
import { kernelHost } from '../manager/kernel-host.ts';
import type { Manager } from '../manager/manager.ts';
import { startManager } from '../manager/start-manager.ts';
import type { HostDescription } from './description.ts';
import { FakeClock } from './fake-clock.ts';
import { type FakeHost, fakeHost } from './fake-host.ts';
import { FakeVmPort } from './fake-vm-port.ts';

/** The real manager, with a real journal, on a host in memory. */
export interface FakeManager {
  readonly manager: Manager;
  readonly host: FakeHost;
  readonly vms: FakeVmPort;
  readonly clock: FakeClock;
  /** Ends the manager, and removes its journal. */
  readonly end: () => Promise<void>;
}

export async function managerOnFakeHost(description: HostDescription): Promise<FakeManager> {
  const host = fakeHost(description);
  const vms = new FakeVmPort(host.actions);
  const clock = new FakeClock();
  const directory = mkdtempSync(join(tmpdir(), 'dda-manager-'));
  const manager = await startManager({
    host: kernelHost(host),
    vms,
    journal: new SqliteJournal(join(directory, 'state.db')),
    clock,
    virtualFunctions: {
      shape: (physicalFunction) =>
        Promise.reject(
          new HostError('not-physical-function', {
            asked: `make virtual functions of ${physicalFunction}`,
            obstacle: 'the hosts of these tests have none.',
            remedy: 'Choose another.',
          }),
        ),
    },
  });
  return {
    manager,
    host,
    vms,
    clock,
    end: async () => {
      await manager.close();
      rmSync(directory, { recursive: true });
    },
  };
}
