import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { JournalPort } from '../journal/journal.ts';
import { SqliteJournal } from '../journal/sqlite-journal.ts';
import type { HostNews, VirtualFunctionsPort } from '../manager/host-port.ts';
import { kernelHost } from '../manager/kernel-host.ts';
import type { Manager } from '../manager/manager.ts';
import type { ManagerParts } from '../manager/manager-parts.ts';
import { startManager } from '../manager/start-manager.ts';
import type { VmSpec } from '../manager/ports.ts';
import type { HostDescription } from './description.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { fakeHost } from './fake-host.ts';
import type { FakeHost } from './fake-host.ts';
import { FakeVmPort } from './fake-vm-port.ts';
import type { FakeVmProcess } from './fake-vm-port.ts';

export const by = { userId: 0, processId: 1, command: 'test' };
export const spec: VmSpec = { memoryBytes: 1 << 28, cpuCount: 1, kernel: '/boot/vmlinuz', commandLine: 'quiet' };

const inMemory = '/dev/shm';

/** An NVMe, a display adapter with sound in its group, a network adapter with two virtual functions, a card without any reset. */
export const nvme = '0000:01:00.0';
export const display = '0000:02:00.0';
export const sound = '0000:02:00.1';
export const network = '0000:03:00.0';
export const virtual = '0000:03:10.0';
export const otherVirtual = '0000:03:10.1';
export const unresettable = '0000:04:00.0';

export function machineDescription(host: Partial<HostDescription> = {}): HostDescription {
  const below = ['0000:00:04.0'];
  return {
    drivers: ['vfio-pci'],
    ...host,
    functions: [
      { address: '0000:00:04.0', ids: '1b36:000c', class: '060400', driver: 'pcieport', group: 3, bars: {} },
      { address: nvme, below, driver: 'nvme', group: 5, disks: [{ name: 'nvme0n1', partitions: ['nvme0n1p1'] }] },
      { address: display, below, driver: 'amdgpu', group: 7, class: '030000' },
      { address: sound, below, driver: 'snd_hda_intel', group: 7, class: '040300' },
      {
        address: network,
        below,
        driver: 'igb',
        group: 8,
        class: '020000',
        totalVfs: 2,
        virtualFunctions: [virtual, otherVirtual],
      },
      { address: virtual, below, driver: 'igbvf', group: 9, class: '020000', physicalFunction: network },
      { address: otherVirtual, below, driver: 'igbvf', group: 10, class: '020000', physicalFunction: network },
      { address: unresettable, below, driver: 'old', group: 11, class: '020000', reset: 'absent' },
      ...(host.functions ?? []),
    ],
  };
}

/** A host, its VM processes, its journal and its clock: all that outlives a manager, and a manager over it. */
export class FakeMachine {
  host: FakeHost;
  readonly vms: FakeVmPort;
  readonly clock = new FakeClock();
  readonly journalPath: string;
  /** What must never be asked of the kernel. */
  readonly violations: string[] = [];
  readonly shapes: string[] = [];
  shapeError: Error | undefined;
  readonly fatal: unknown[] = [];
  /** What the manager wanted to be ahead of. */
  readonly precedence: string[] = [];
  readonly virtualFunctions: VirtualFunctionsPort = {
    shape: async (name, { count, settings, drivenBy }) => {
      const special = settings.length > 0 || drivenBy === 'nobody' ? ` ${JSON.stringify(settings)} ${drivenBy}` : '';
      this.shapes.push(`${name} ${count}${special}`);
      if (this.shapeError !== undefined) throw this.shapeError;
    },
  };
  readonly #directory: string;
  readonly #newsListeners = new Set<(news: HostNews) => void>();
  #journal: JournalPort | undefined;
  #manager: Manager | undefined;

  constructor(description: HostDescription = machineDescription()) {
    this.host = fakeHost(description);
    this.vms = new FakeVmPort(this.host.actions);
    // A search makes thousands of journals, and one on a disk takes longer than all else that the search does.
    this.#directory = mkdtempSync(join(existsSync(inMemory) ? inMemory : tmpdir(), 'dda-machine-'));
    this.journalPath = join(this.#directory, 'state', 'state.db');
    this.host.actions.sabotage = ({ path, value }) => this.watchWrite(path, value);
  }

  get manager(): Manager {
    if (this.#manager === undefined) throw new Error('no manager runs');
    return this.#manager;
  }

  /** As the next manager finds it. */
  openJournal(): SqliteJournal {
    return new SqliteJournal(this.journalPath, { durable: false });
  }

  /** `parts`: to put something between the manager and its ports. */
  async start(parts: Partial<ManagerParts> = {}): Promise<Manager> {
    this.#journal = parts.journal ?? this.openJournal();
    this.#manager = await startManager({
      host: kernelHost(this.host),
      vms: this.vms,
      clock: this.clock,
      precedence: {
        comeFirst: () => void this.precedence.push('comes first'),
        giveWay: (forMs) => void this.precedence.push(`gives way for ${forMs} ms`),
      },
      virtualFunctions: this.virtualFunctions,
      news: {
        listen: (listener) => {
          this.#newsListeners.add(listener);
          return () => this.#newsListeners.delete(listener);
        },
      },
      onFatal: (error) => this.fatal.push(error),
      ...parts,
      journal: this.#journal,
    });
    await settle();
    return this.#manager;
  }

  /** A manager that ends in order, and the next one. */
  async restart(parts: Partial<ManagerParts> = {}): Promise<Manager> {
    await this.manager.close();
    return this.start(parts);
  }

  /** The manager's process is no more: whatever it was about to do, it doesn't. The kernel closes what it had open. */
  crash(): void {
    this.#newsListeners.clear();
    this.#journal?.close();
    this.#manager = undefined;
    const { heldNodes } = this.host.actions;
    heldNodes.clear();
    for (const process of this.vms.processes.values())
      for (const node of process.functions.values()) heldNodes.add(node);
  }

  /** The host restarts: VM processes and records are gone, and every function is with its driver again. */
  reboot(description: HostDescription = machineDescription()): void {
    for (const process of [...this.vms.processes.values()]) process.end({ exitCode: undefined, signal: undefined });
    this.host = fakeHost(description);
    this.vms.nodes = this.host.actions;
    this.host.actions.sabotage = ({ path, value }) => this.watchWrite(path, value);
  }

  vm(name: string): FakeVmProcess {
    const process = this.vms.processes.get(name);
    if (process === undefined) throw new Error(`no VM process ${name}`);
    return process;
  }

  /** Makes the VM, and dismounts and lends functions to it. */
  async lend(vm: string, ...functions: string[]): Promise<void> {
    if (!this.vms.processes.has(vm)) await this.manager.createVm({ name: vm, spec }, by);
    await this.manager.dismount({ functions }, by);
    for (const name of functions) await this.manager.add({ vm, function: name }, by);
  }

  owner(name: string): string {
    const fn = this.manager.snapshot().functions.find((each) => each.name === name);
    if (fn === undefined) return 'nowhere';
    const { owner } = fn;
    const who = owner.kind === 'quarantine' ? ` ${owner.reason}` : owner.kind === 'lent' ? ` ${owner.vm}` : '';
    return `${owner.kind}${who}${fn.present ? '' : ' absent'}`;
  }

  unplug(name: string): void {
    this.host.tree.remove(`/sys/bus/pci/devices/${name}`);
    this.tell({ kind: 'function-changed', function: name });
  }

  tell(news: HostNews): void {
    for (const listener of this.#newsListeners) listener(news);
  }

  /** Linux blocks there, and the machine's plug and play with it. */
  watchWrite(path: string, value: string): undefined {
    const isChange = path.endsWith('/drivers/vfio-pci/unbind') || /\/devices\/.*\/reset$/.test(path);
    if (!isChange) return undefined;
    const name = value.length > 2 ? value : (path.split('/').at(-2) ?? '');
    const node = `/dev/vfio/${this.host.tree.link(`/sys/bus/pci/devices/${name}/iommu_group`)?.split('/').at(-1)}`;
    for (const process of this.vms.processes.values()) {
      if ([...process.functions.values()].includes(node))
        this.violations.push(`${path} while ${process.name} has ${node}`);
    }
    return undefined;
  }

  async dispose(): Promise<void> {
    await this.#manager?.close();
    rmSync(this.#directory, { recursive: true });
  }
}

/** With a manager that runs; it ends with the test. */
export async function startedMachine(t: TestContext, made = new FakeMachine()): Promise<FakeMachine> {
  t.after(() => made.dispose());
  await made.start();
  return made;
}
