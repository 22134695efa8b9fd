import type { NvmeAdminCommand, NvmeCompletion } from '../../linux/index.ts';
import { isVfioDriver } from '../inventory/host-function.ts';
import type { ActOutcome, DeviceOutcome, KernelActions, NodeClaim, ReadOutcome } from '../moves/ports.ts';
import { attachDriver, detachDriver, devicePath } from './build-tree.ts';
import type { FunctionDescription, HostDescription } from './description.ts';
import { FakeSriov } from './fake-sriov.ts';
import type { MemoryTree } from '../tree/memory-tree.ts';

/** How a test makes one act fail: the outcome to give instead of acting; undefined: act as usual. */
export type Sabotage = (act: { readonly path: string; readonly value: string }) => ActOutcome | undefined;

/** The part of Linux that binds PCI drivers, over a tree in memory. Every act is kept in `acts`. */
export class FakeKernel implements KernelActions {
  readonly acts: string[] = [];
  readonly heldNodes = new Set<string>();
  readonly claimedBlocks = new Set<string>();
  /** Modules that modprobe finds, with the PCI drivers they bring. */
  readonly modules = new Map<string, readonly string[]>([['vfio-pci', ['vfio-pci']]]);
  sabotage: Sabotage = () => undefined;
  readonly #tree: MemoryTree;
  readonly sriov: FakeSriov;
  readonly #functions: Map<string, FunctionDescription>;
  /** Which driver an ordinary match finds: the one that had the function at the beginning. */
  readonly #matches: Map<string, string>;

  constructor(tree: MemoryTree, host: HostDescription) {
    this.#tree = tree;
    this.#functions = new Map(host.functions.map((fn) => [fn.address, fn]));
    this.sriov = new FakeSriov(tree, host, this.#functions);
    const all = host.functions.flatMap((fn) => [fn, ...(fn.potentialVirtualFunctions ?? [])]);
    this.#matches = new Map(all.flatMap((fn) => (isHostDriver(fn.driver) ? [[fn.address, fn.driver]] : [])));
  }

  /** What an ordinary match finds from now on. */
  matchDriver(address: string, driver: string | undefined): void {
    if (driver === undefined) this.#matches.delete(address);
    else this.#matches.set(address, driver);
  }

  write(path: string, value: string): Promise<ActOutcome> {
    this.acts.push(`${path} <- ${value === '\n' ? '(empty)' : value}`);
    return Promise.resolve(this.sabotage({ path, value }) ?? this.#act(path, value));
  }

  /** When set, what a read gives instead of the text. */
  blockedRead: ReadOutcome | undefined;

  read(path: string): Promise<ReadOutcome> {
    const text = this.#tree.text(path);
    const found: ReadOutcome =
      text === undefined ? errno('ENOENT', 'No such file or directory') : { outcome: 'done', text };
    return Promise.resolve(this.blockedRead ?? found);
  }

  /** When set, what a device gives instead of an answer. */
  silentDevice: Exclude<ActOutcome, { outcome: 'done' }> | undefined;

  nvmeAdmin(node: string, commands: readonly NvmeAdminCommand[]): Promise<DeviceOutcome<NvmeCompletion[]>> {
    const controller = this.sriov.controllers.get(node);
    if (this.silentDevice !== undefined) return Promise.resolve(this.silentDevice);
    if (controller === undefined) return Promise.resolve(errno('ENOENT', 'No such file or directory'));
    return Promise.resolve({ outcome: 'done', value: controller.send(commands) });
  }

  changeLinks(messages: readonly Uint8Array[]): Promise<DeviceOutcome<Uint8Array[]>> {
    if (this.silentDevice !== undefined) return Promise.resolve(this.silentDevice);
    const answers: Uint8Array[] = [];
    for (const message of messages) {
      const answer = this.sriov.links.exchange(message);
      if (!(answer instanceof Uint8Array)) return Promise.resolve(answer);
      answers.push(answer);
    }
    return Promise.resolve({ outcome: 'done', value: answers });
  }

  loadModule(name: string): Promise<ActOutcome> {
    this.acts.push(`modprobe ${name}`);
    const outcome = this.sabotage({ path: 'modprobe', value: name });
    const drivers = this.modules.get(name);
    if (outcome !== undefined) return Promise.resolve(outcome);
    if (drivers === undefined)
      return Promise.resolve({ outcome: 'failed', code: undefined, text: `Module ${name} not found` });
    for (const driver of drivers) this.#tree.directory(`/sys/bus/pci/drivers/${driver}`);
    return Promise.resolve({ outcome: 'done' });
  }

  claimGroupNode(node: string): NodeClaim {
    if (!this.#tree.exists(node)) return { state: 'absent' };
    if (this.heldNodes.has(node)) return { state: 'held' };
    this.heldNodes.add(node);
    return { state: 'free', release: () => this.heldNodes.delete(node) };
  }

  isBlockDeviceClaimed(node: string): boolean | undefined {
    return this.#tree.exists(node) ? this.claimedBlocks.has(node) : undefined;
  }

  driverOf(address: string): string | undefined {
    const fn = this.#functions.get(address);
    const link = fn === undefined ? undefined : this.#tree.link(`${devicePath(fn)}/driver`);
    return link?.split('/').at(-1);
  }

  overrideOf(address: string): string | undefined {
    const fn = this.#functions.get(address);
    const text = fn === undefined ? undefined : this.#tree.text(`${devicePath(fn)}/driver_override`);
    return text === '(null)' ? undefined : text;
  }

  #act(path: string, value: string): ActOutcome {
    const override = /^\/sys\/bus\/pci\/devices\/([^/]+)\/driver_override$/.exec(path)?.[1];
    if (override !== undefined) return this.#override(override, value);
    if (/^\/sys\/bus\/pci\/devices\/[^/]+\/reset$/.test(path)) {
      return this.#tree.exists(path) ? { outcome: 'done' } : errno('ENOENT', 'No such file or directory');
    }
    const [, address = '', attribute] =
      /^\/sys\/bus\/pci\/devices\/([^/]+)\/sriov_(numvfs|drivers_autoprobe)$/.exec(path) ?? [];
    const physical = this.#functions.get(address);
    if (physical !== undefined && attribute === 'drivers_autoprobe') return this.sriov.setAutoprobe(physical, value);
    if (physical !== undefined) return this.sriov.setCount(physical, value, (fn) => void this.#probe(fn));
    const [, driver, act] = /^\/sys\/bus\/pci\/drivers\/([^/]+)\/(bind|unbind)$/.exec(path) ?? [];
    const fn = this.#functions.get(value);
    if (fn === undefined) return errno('ENODEV', 'No such device');
    if (act === 'unbind' && driver !== undefined) return this.#unbind(fn, driver);
    if (act === 'bind' && driver !== undefined) return this.#bind(fn, driver);
    if (path === '/sys/bus/pci/drivers_probe') return this.#probe(fn);
    return errno('ENOENT', 'No such file or directory');
  }

  #override(address: string, value: string): ActOutcome {
    const fn = this.#functions.get(address);
    if (fn === undefined) return errno('ENOENT', 'No such file or directory');
    const text = value.trim();
    this.#tree.file(`${devicePath(fn)}/driver_override`, `${text === '' ? '(null)' : text}\n`);
    return { outcome: 'done' };
  }

  #unbind(fn: FunctionDescription, driver: string): ActOutcome {
    if (this.driverOf(fn.address) !== driver) return errno('ENODEV', 'No such device');
    detachDriver(this.#tree, fn);
    return { outcome: 'done' };
  }

  #bind(fn: FunctionDescription, driver: string): ActOutcome {
    if (!this.#tree.exists(`/sys/bus/pci/drivers/${driver}`)) return errno('ENOENT', 'No such file or directory');
    if (this.driverOf(fn.address) !== undefined) return errno('EBUSY', 'Device or resource busy');
    if (this.#matching(fn) !== driver) return errno('ENODEV', 'No such device');
    attachDriver(this.#tree, fn, driver);
    return { outcome: 'done' };
  }

  #probe(fn: FunctionDescription): ActOutcome {
    const driver = this.#matching(fn);
    if (
      driver !== undefined &&
      this.driverOf(fn.address) === undefined &&
      this.#tree.exists(`/sys/bus/pci/drivers/${driver}`)
    ) {
      attachDriver(this.#tree, fn, driver);
    }
    return { outcome: 'done' };
  }

  #matching(fn: FunctionDescription): string | undefined {
    return this.overrideOf(fn.address) ?? this.#matches.get(fn.address);
  }
}

function isHostDriver(driver: string | undefined): driver is string {
  return driver !== undefined && !isVfioDriver(driver);
}

function errno(code: string, text: string): Exclude<ActOutcome, { outcome: 'done' }> {
  return { outcome: 'failed', code, text };
}
