import type { FunctionState, Owner, VmState } from './owner.ts';

/** All functions and VMs, to be read. */
export interface World {
  fn(name: string): FunctionState | undefined;
  vm(name: string): VmState | undefined;
  functions(): Iterable<FunctionState>;
  vms(): Iterable<VmState>;
  /** The functions of an IOMMU group. */
  members(group: string): readonly FunctionState[];
  /** The functions that a VM has or may still reach. */
  functionsOf(vm: string): readonly FunctionState[];
  virtualFunctionsOf(physicalFunction: string): readonly FunctionState[];
}

/** What a step makes of some functions and VMs; undefined: they are no more. Everything else stays. */
export interface Changes {
  readonly functions: ReadonlyMap<string, FunctionState | undefined>;
  readonly vms: ReadonlyMap<string, VmState | undefined>;
}

/** The VM that has a function or may still reach it. */
export function vmOf(owner: Owner): string | undefined {
  return 'vm' in owner ? owner.vm : undefined;
}

/** The world as the manager has it: changes are applied once they are in the journal. A change costs what it changes. */
export class OwnershipTable implements World {
  readonly #functions = new Map<string, FunctionState>();
  readonly #vms = new Map<string, VmState>();
  readonly #groups = new Index();
  readonly #borrowed = new Index();
  readonly #virtual = new Index();

  constructor(functions: Iterable<FunctionState> = [], vms: Iterable<VmState> = []) {
    for (const fn of functions) this.#put(fn.name, fn);
    for (const vm of vms) this.#vms.set(vm.name, vm);
  }

  apply(changes: Changes): void {
    for (const [name, fn] of changes.functions) this.#put(name, fn);
    for (const [name, vm] of changes.vms) {
      if (vm === undefined) this.#vms.delete(name);
      else this.#vms.set(name, vm);
    }
  }

  fn(name: string): FunctionState | undefined {
    return this.#functions.get(name);
  }

  vm(name: string): VmState | undefined {
    return this.#vms.get(name);
  }

  functions(): Iterable<FunctionState> {
    return this.#functions.values();
  }

  vms(): Iterable<VmState> {
    return this.#vms.values();
  }

  members(group: string): readonly FunctionState[] {
    return this.#all(this.#groups.get(group));
  }

  functionsOf(vm: string): readonly FunctionState[] {
    return this.#all(this.#borrowed.get(vm));
  }

  virtualFunctionsOf(physicalFunction: string): readonly FunctionState[] {
    return this.#all(this.#virtual.get(physicalFunction));
  }

  #all(names: Iterable<string>): FunctionState[] {
    const found: FunctionState[] = [];
    for (const name of names) {
      const fn = this.#functions.get(name);
      if (fn !== undefined) found.push(fn);
    }
    return found;
  }

  #put(name: string, fn: FunctionState | undefined): void {
    const before = this.#functions.get(name);
    this.#groups.move(name, before?.group, fn?.group);
    this.#borrowed.move(name, before && vmOf(before.owner), fn && vmOf(fn.owner));
    this.#virtual.move(name, before?.physicalFunction, fn?.physicalFunction);
    if (fn === undefined) this.#functions.delete(name);
    else this.#functions.set(name, fn);
  }
}

/** Which names belong under a key. */
class Index {
  readonly #names = new Map<string, Set<string>>();

  get(key: string): Iterable<string> {
    return this.#names.get(key) ?? [];
  }

  move(name: string, from: string | undefined, to: string | undefined): void {
    if (from === to) return;
    if (from !== undefined) {
      const names = this.#names.get(from);
      names?.delete(name);
      if (names?.size === 0) this.#names.delete(from);
    }
    if (to === undefined) return;
    const names = this.#names.get(to);
    if (names === undefined) this.#names.set(to, new Set([name]));
    else names.add(name);
  }
}
