import type { ActOutcome } from '../moves/ports.ts';
import { addFunction, devicePath, removeFunction } from './build-tree.ts';
import type { FunctionDescription, HostDescription } from './description.ts';
import { FakeLinks } from './fake-links.ts';
import { FakeNvme } from './fake-nvme.ts';
import type { MemoryTree } from '../tree/memory-tree.ts';

const done = { outcome: 'done' } as const;

/** What Linux does about virtual functions, over a tree in memory: they come, and they go. */
export class FakeSriov {
  readonly links = new FakeLinks();
  /** By device node. */
  readonly controllers = new Map<string, FakeNvme>();
  readonly #tree: MemoryTree;
  readonly #host: HostDescription;
  readonly #present: Map<string, FunctionDescription>;

  /** `present`: the functions that are there; this adds and takes away. */
  constructor(tree: MemoryTree, host: HostDescription, present: Map<string, FunctionDescription>) {
    this.#tree = tree;
    this.#host = host;
    this.#present = present;
    for (const fn of host.functions) {
      if (fn.controller !== undefined) this.controllers.set(`/dev/${fn.controller.name}`, new FakeNvme(fn.controller));
    }
  }

  setAutoprobe(physical: FunctionDescription, value: string): ActOutcome {
    this.#tree.file(`${devicePath(physical)}/sriov_drivers_autoprobe`, `${value.trim()}\n`);
    return done;
  }

  /** `probe` is called for each new one if the kernel is to offer it to drivers. */
  setCount(physical: FunctionDescription, value: string, probe: (fn: FunctionDescription) => void): ActOutcome {
    const potential = physical.potentialVirtualFunctions ?? [];
    const there = potential.filter((fn) => this.#present.has(fn.address));
    const count = Number(value);
    if (count > potential.length) return refusal('ERANGE', 'Numerical result out of range');
    if (count > 0 && there.length > 0) return refusal('EBUSY', 'Device or resource busy');
    if (count === 0) for (const [index, fn] of there.entries()) this.#remove(physical, fn, index);
    const created = potential.slice(0, count);
    for (const [index, fn] of created.entries()) this.#create(physical, fn, index);
    if (this.#tree.text(`${devicePath(physical)}/sriov_drivers_autoprobe`) !== '0') created.forEach(probe);
    for (const { interfaceIndex } of physical.interfaces ?? []) this.links.create(interfaceIndex ?? 0, count);
    if (count === 0 && physical.controller !== undefined) {
      this.controllers.get(`/dev/${physical.controller.name}`)?.functionsGone();
    }
    return done;
  }

  #create(physical: FunctionDescription, fn: FunctionDescription, index: number): void {
    this.#present.set(fn.address, fn);
    const { driver: _, ...unbound } = fn;
    addFunction(this.#tree, this.#host, { ...unbound, physicalFunction: physical.address });
    this.#tree.symbolicLink(`${devicePath(physical)}/virtfn${index}`, `../${fn.address}`);
  }

  #remove(physical: FunctionDescription, fn: FunctionDescription, index: number): void {
    this.#present.delete(fn.address);
    removeFunction(this.#tree, fn);
    this.#tree.remove(`${devicePath(physical)}/virtfn${index}`);
  }
}

function refusal(code: string, text: string): ActOutcome {
  return { outcome: 'failed', code, text };
}
