import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { ManagerSnapshot } from '../../../src/host/index.ts';
import { isVmUser } from '../../../src/host/vm-processes/vm-users.ts';
import { linkName, readProcessStatus } from '../../../src/linux/index.ts';

const devices = '/sys/bus/pci/devices';

/** What the host's own files say about it, against what its manager says when it is at rest. */
export function checkHost({ functions, vms }: ManagerSnapshot): void {
  const processes = processesNow();
  for (const { name, owner, present } of functions) {
    if (!present) {
      assert.equal(linkName(`${devices}/${name}/subsystem`), undefined, `${name} is there`);
      continue;
    }
    const driver = linkName(`${devices}/${name}/driver`);
    const override = readFileSync(`${devices}/${name}/driver_override`, 'utf8').trim();
    if (owner.kind === 'host') {
      assert.notEqual(driver, 'vfio-pci', `${name} is the host's`);
      assert.equal(override, '(null)', `${name} is open to all drivers`);
    } else {
      assert.equal(driver, 'vfio-pci', `${name} is ${owner.kind}`);
      assert.equal(override, 'vfio-pci', `${name} is ${owner.kind}`);
    }
    const node = `/dev/vfio/${linkName(`${devices}/${name}/iommu_group`)}`;
    const holders = processes.filter(({ files }) => files.includes(node)).map(({ processId }) => processId);
    const borrower = owner.kind === 'lent' ? vms.find((vm) => vm.name === owner.vm)?.processId : undefined;
    assert.deepEqual(holders, borrower === undefined ? [] : [borrower], `who has ${name} open, which is ${owner.kind}`);
  }
  const lentTo = vms.filter(({ functions: has }) => has.length > 0).map(({ processId }) => processId);
  const deviceHolders = processes.filter(({ files }) => files.some((file) => file.includes('vfio-device')));
  assert.deepEqual(
    deviceHolders.map(({ processId }) => processId),
    numbers(lentTo),
    'who has a device open',
  );
  const ofVms = processes.filter(({ userId }) => isVmUser(userId));
  assert.deepEqual(
    ofVms.map(({ processId }) => processId),
    numbers(vms.map(({ processId }) => processId)),
    'VM processes',
  );
  const kept = functions.filter(({ owner, present }) => present && owner.kind !== 'host').map(({ name }) => name);
  assert.deepEqual(
    filesIn('/run/dda/dismounted'),
    kept.map((name) => `${name}.json`),
    'notes',
  );
  assert.deepEqual(filesIn('/run/dda/stuck'), [], 'acts that are stuck');
  assert.deepEqual(filesIn('/run/dda/locks'), [], 'locks');
  assert.deepEqual(
    filesIn('/run/dda/vm-processes'),
    vms.map(({ name }) => `${name}.sock`),
    'sockets of VM processes',
  );
}

const numbers = (values: readonly (number | undefined)[]): number[] =>
  values.filter((value) => value !== undefined).toSorted((a, b) => a - b);

interface ProcessNow {
  readonly processId: number;
  readonly userId: number;
  readonly files: readonly string[];
}

/** All that have a program: none of the kernel's own threads. In ascending order of id. */
export function processesNow(): ProcessNow[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && attempt(() => readlinkSync(`/proc/${name}/exe`)) !== undefined)
    .map(Number)
    .toSorted((a, b) => a - b)
    .flatMap((processId) => {
      const userId = readProcessStatus(processId)?.userId;
      const directory = `/proc/${processId}/fd`;
      const names = attempt(() => readdirSync(directory)) ?? [];
      const files = names.flatMap((fd) => attempt(() => readlinkSync(`${directory}/${fd}`)) ?? []);
      return userId === undefined ? [] : [{ processId, userId, files }];
    });
}

/** Undefined: it has gone meanwhile. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

export function filesIn(directory: string): string[] {
  return (attempt(() => readdirSync(directory)) ?? []).toSorted();
}
