import type { VmState } from '../ownership/owner.ts';
import type { OwnershipTable } from '../ownership/world.ts';
import { vmOf } from '../ownership/world.ts';
import type { Engine } from './engine.ts';
import type { Notes } from './notes.ts';
import type { VmPort, VmProcess } from './ports.ts';
import { vmKey } from './vm-processes.ts';
import type { VmRegistry } from './vm-registry.ts';

/** The VM processes that an earlier manager started and that still run; undefined: nobody knows, so it may. */
export async function findVms(
  port: VmPort,
  vms: readonly VmState[],
  registry: VmRegistry,
  notes: Notes,
): Promise<ReadonlyMap<string, VmProcess | undefined>> {
  const found = new Map<string, VmProcess | undefined>();
  await Promise.all(
    vms.map(async ({ name }) => {
      const record = registry.get(name);
      try {
        const link = await port.find(name, record?.process);
        if (link === undefined) return;
        found.set(name, link);
        if (record !== undefined) record.link = link;
      } catch (error) {
        // Its functions can't be taken for free: they come back by the bounds, or stay in quarantine.
        notes.problem(vmKey(name), error);
        found.set(name, undefined);
      }
    }),
  );
  return found;
}

/** What VM processes have is compared with what they are to have. One that doesn't answer is waited for by nobody. */
export function reconcileVms(
  found: ReadonlyMap<string, VmProcess | undefined>,
  table: OwnershipTable,
  engine: Engine,
  notes: Notes,
): void {
  for (const [vm, link] of found) {
    link?.status().then(
      ({ functions }) => {
        const has = new Set(functions);
        for (const { name, owner } of table.functionsOf(vm)) {
          // Given back while nobody listened.
          if (owner.kind === 'lent' && !has.has(name)) engine.tell({ kind: 'let-go', vm, function: name });
        }
        for (const name of has) {
          const owner = table.fn(name)?.owner;
          if (owner === undefined || vmOf(owner) === vm) continue;
          link.revoke(name).catch((error: unknown) => notes.problem(name, error));
        }
      },
      (error: unknown) => notes.problem(vmKey(vm), error),
    );
  }
}
