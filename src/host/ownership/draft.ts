import type { FunctionState, Owner, VmState } from './owner.ts';
import type { Changes, World } from './world.ts';
import { vmOf } from './world.ts';

/** A world under change: reads see what was written so far, the world below stays as it is. */
export class Draft implements World {
  readonly #base: World;
  readonly #functions = new Map<string, FunctionState | undefined>();
  readonly #vms = new Map<string, VmState | undefined>();

  constructor(base: World) {
    this.#base = base;
  }

  get changes(): Changes {
    return { functions: this.#functions, vms: this.#vms };
  }

  put(fn: FunctionState): void {
    this.#functions.set(fn.name, fn);
  }

  own(fn: FunctionState, owner: Owner): void {
    this.put({ ...(this.fn(fn.name) ?? fn), owner });
  }

  drop(name: string): void {
    this.#functions.set(name, undefined);
  }

  putVm(vm: VmState): void {
    this.#vms.set(vm.name, vm);
  }

  dropVm(name: string): void {
    this.#vms.set(name, undefined);
  }

  fn(name: string): FunctionState | undefined {
    return this.#functions.has(name) ? this.#functions.get(name) : this.#base.fn(name);
  }

  vm(name: string): VmState | undefined {
    return this.#vms.has(name) ? this.#vms.get(name) : this.#base.vm(name);
  }

  functions(): Iterable<FunctionState> {
    return this.#overlaid([...this.#base.functions()], () => true);
  }

  vms(): Iterable<VmState> {
    const kept = [...this.#base.vms()].filter(({ name }) => !this.#vms.has(name));
    return [...kept, ...[...this.#vms.values()].filter((vm) => vm !== undefined)];
  }

  members(group: string): readonly FunctionState[] {
    return this.#overlaid(this.#base.members(group), (fn) => fn.group === group);
  }

  functionsOf(vm: string): readonly FunctionState[] {
    return this.#overlaid(this.#base.functionsOf(vm), (fn) => vmOf(fn.owner) === vm);
  }

  virtualFunctionsOf(physicalFunction: string): readonly FunctionState[] {
    return this.#overlaid(
      this.#base.virtualFunctionsOf(physicalFunction),
      (fn) => fn.physicalFunction === physicalFunction,
    );
  }

  #overlaid(base: readonly FunctionState[], fits: (fn: FunctionState) => boolean): readonly FunctionState[] {
    if (this.#functions.size === 0) return base;
    const kept = base.filter(({ name }) => !this.#functions.has(name));
    const changed = [...this.#functions.values()].filter((fn) => fn !== undefined && fits(fn));
    return [...kept, ...changed.filter((fn) => fn !== undefined)];
  }
}
