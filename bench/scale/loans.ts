import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Manager, kernelHost } from '../../src/host/index.ts';
import { SqliteJournal } from '../../src/host/journal/sqlite-journal.ts';
import { startManager } from '../../src/host/manager/start-manager.ts';
import { FakeClock, FakeVmPort, type FunctionDescription, fakeHost } from '../../src/host/testing/index.ts';

const ROUNDS = 300;
/** Not measured: what runs for the first time is compiled. */
const WARM_UP_ROUNDS = 100;
const FUNCTIONS_PER_VM = 4;

export interface LoansAtScale {
  /** An add with 500 VMs and 2,000 lent functions against one with one VM and none lent: ratio of the medians. */
  readonly addRatio500: number;
  readonly removeRatio500: number;
  /** Medians, milliseconds. */
  readonly addMs: { readonly one: number; readonly many: number };
  readonly removeMs: { readonly one: number; readonly many: number };
}

const by = { userId: 0, processId: process.pid, command: 'bench' };
const spec = { memoryBytes: 1 << 28, cpuCount: 1, kernel: '/boot/vmlinuz', commandLine: 'quiet' };

/**
 * What one more VM costs the others: adds and removes a function again and again, by turns on two simulated hosts in the same
 * run. Everything of the manager's is real, journal and audit included; the kernel and the VM processes are in memory, and the
 * journal doesn't wait for the disk, so that nothing but the manager's own work is measured.
 */
export async function loansAtScale(): Promise<LoansAtScale> {
  const one = await simulatedHost(1, 0);
  const many = await simulatedHost(500, FUNCTIONS_PER_VM);
  const times = { one: { add: [], remove: [] }, many: { add: [], remove: [] } } satisfies Record<string, Times>;
  try {
    for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round += 1) {
      // Whichever comes first finds the caches as the other left them.
      const order = round % 2 === 0 ? ([one, many] as const) : ([many, one] as const);
      for (const host of order) {
        const took = await host.lendAndTakeBack();
        if (round < WARM_UP_ROUNDS) continue;
        const into: Times = host === one ? times.one : times.many;
        into.add.push(took.addMs);
        into.remove.push(took.removeMs);
      }
    }
  } finally {
    await one.close();
    await many.close();
  }
  const addMs = { one: median(times.one.add), many: median(times.many.add) };
  const removeMs = { one: median(times.one.remove), many: median(times.many.remove) };
  return { addRatio500: addMs.many / addMs.one, removeRatio500: removeMs.many / removeMs.one, addMs, removeMs };
}

interface Times {
  add: number[];
  remove: number[];
}

interface SimulatedHost {
  lendAndTakeBack(): Promise<{ addMs: number; removeMs: number }>;
  close(): Promise<void>;
}

/** `vms` VMs, each with `lent` functions, and one function more that is free. */
async function simulatedHost(vms: number, lent: number): Promise<SimulatedHost> {
  const functions = Array.from({ length: vms * lent + 1 }, (_, index) => dismounted(index));
  const host = fakeHost({ drivers: ['vfio-pci'], functions });
  for (const fn of functions) host.records.write(record(fn.address));
  const directory = mkdtempSync(join(tmpdir(), 'dda-loans-'));
  const journal = new SqliteJournal(join(directory, 'state', 'state.db'), { durable: false });
  const manager = await startManager({
    host: kernelHost(host),
    vms: new FakeVmPort(host.actions),
    journal,
    clock: new FakeClock(),
    virtualFunctions: { shape: () => Promise.reject(new Error('this host has no virtual functions')) },
  });
  for (let vm = 0; vm < vms; vm += 1) {
    await manager.createVm({ name: `vm-${vm}`, spec }, by);
    for (let index = 0; index < lent; index += 1) {
      await manager.add({ vm: `vm-${vm}`, function: address(vm * lent + index) }, by);
    }
  }
  return {
    lendAndTakeBack: () => lendAndTakeBack(manager, 'vm-0', address(vms * lent)),
    async close() {
      await manager.close();
      rmSync(directory, { recursive: true });
    },
  };
}

async function lendAndTakeBack(
  manager: Manager,
  vm: string,
  name: string,
): Promise<{ addMs: number; removeMs: number }> {
  const startedAt = performance.now();
  await manager.add({ vm, function: name }, by);
  const lentAt = performance.now();
  await manager.remove({ vm, function: name }, by);
  return { addMs: lentAt - startedAt, removeMs: performance.now() - lentAt };
}

function dismounted(index: number): FunctionDescription {
  return { address: address(index), driver: 'vfio-pci', override: 'vfio-pci', group: index + 1 };
}

function record(name: string): Parameters<ReturnType<typeof fakeHost>['records']['write']>[0] {
  return {
    function: name,
    ids: '1b36:0010',
    hostDriver: 'nvme',
    previousOverride: undefined,
    dismountedAt: '2026-01-02T03:04:05.000Z',
    borrower: undefined,
  };
}

/** `0000:01:00.0` and on: 8 functions a device, 32 devices a bus. */
function address(index: number): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
  return `0000:${hex(1 + (index >> 8), 2)}:${hex((index >> 3) & 31, 2)}.${index & 7}`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
