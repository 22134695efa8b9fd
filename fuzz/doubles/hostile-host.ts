import { HostError } from '../../src/host/index.ts';
import type { DismountOptions, HostNews, HostPort, Look, Verified } from '../../src/host/manager/host-port.ts';
import type { MoveReport } from '../../src/host/moves/execute.ts';
import type { Probe } from '../engine/probe.ts';
import type { HostileVm } from './hostile-vms.ts';

/** One function as it really is. */
export interface RealFunction {
  readonly name: string;
  readonly group: string;
  readonly physicalFunction: string | undefined;
  readonly resettable: 'yes' | 'no';
  ids: string;
  driver: 'home' | 'vfio' | 'none';
  isPresent: boolean;
  /** A VM process had it, and it was not reset since, nor taken as it is by an administrator. */
  isDirty: boolean;
  /** Which lending to which process it was handed over for last. */
  loan: string;
}

/** An act that the kernel is still at. It always comes to an end: 0 is the plain one. */
export interface KernelAct {
  readonly what: 'dismount' | 'mount' | 'verify' | 'shape';
  readonly settle: (manner: number) => void;
}

function fn(name: string, group: string, more: Partial<RealFunction> = {}): RealFunction {
  const ids = '1b36:0010';
  const plain = {
    physicalFunction: undefined,
    resettable: 'yes',
    driver: 'home',
    isPresent: true,
    isDirty: false,
    loan: '',
  } as const;
  return { name, group, ids, ...plain, ...more };
}

/** One alone, two of a group of which one can't be reset, one with a virtual one. */
export function realFunctions(): RealFunction[] {
  return [
    fn('0000:01:00.0', '5'),
    fn('0000:02:00.0', '7'),
    fn('0000:02:00.1', '7', { resettable: 'no' }),
    fn('0000:03:00.0', '8'),
    fn('0000:03:10.0', '9', { physicalFunction: '0000:03:00.0' }),
  ];
}

/**
 * A host whose acts end when the run says so, and which knows who really has what open. It says so when it is told to do what rule 1
 * forbids: to change the driver of, or to reset, what somebody has open, and to lend it, or give it home, as somebody left it.
 */
export class HostileHost implements HostPort {
  readonly functions: readonly RealFunction[] = realFunctions();
  readonly acts: KernelAct[] = [];
  readonly #probe: Probe;
  readonly #listeners = new Set<(news: HostNews) => void>();
  /** By function: the process that really has it open. */
  readonly #holders: () => Iterable<HostileVm>;

  constructor(probe: Probe, holders: () => Iterable<HostileVm>) {
    this.#probe = probe;
    this.#holders = holders;
  }

  listen(listener: (news: HostNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(news: HostNews): void {
    for (const listener of this.#listeners) listener(news);
  }

  /** The kernel opens no group of which a driver of the host has something. */
  isViable(name: string): boolean {
    const { group, driver, isPresent } = this.#real(name);
    const mates = this.functions.filter((each) => each.group === group && each.isPresent);
    return isPresent && driver === 'vfio' && mates.every((each) => each.driver !== 'home');
  }

  /** A VM process is handed a function: nobody else may have any of its group, and it must be as good as new. */
  open(process: HostileVm, name: string, serial: number): void {
    const real = this.#real(name);
    if (process.holds.has(name)) return;
    for (const other of this.#holdersOf(real.group)) {
      this.#probe.check(
        other === process,
        () => `${name} is lent to ${process.name} while ${other.name} has its group`,
      );
    }
    // A manager that begins anew lends it once more to whom it was being lent.
    const loan = `${process.mark.processId} ${serial}`;
    this.#probe.check(!real.isDirty || real.loan === loan, () => `${name} is lent as somebody else left it`);
    real.isDirty = true;
    real.loan = loan;
    process.holds.add(name);
  }

  neverHad(process: HostileVm, name: string): void {
    process.holds.delete(name);
    this.#real(name).isDirty = false;
  }

  /** By somebody at the host's console, who may do so with what nobody has open. */
  bindByHand(real: RealFunction): void {
    for (const _ of this.#holdersOf(real.group)) return;
    real.driver = 'home';
    real.isDirty = false;
    this.tell({ kind: 'function-changed', function: real.name });
  }

  /** Linux waits with that until nobody has it open. What comes next into its place is as good as new. */
  unplug(real: RealFunction): void {
    for (const _ of this.#holdersOf(real.group)) return this.tell({ kind: 'host-waits', function: real.name });
    real.isPresent = false;
    real.driver = 'home';
    real.isDirty = false;
    this.tell({ kind: 'function-left', function: real.name });
  }

  /** The host's driver gets it, unless its group is in use through VFIO. */
  plug(real: RealFunction, ids: string): void {
    real.ids = ids;
    real.isPresent = true;
    for (const _ of this.#holdersOf(real.group)) real.driver = 'none';
    this.tell({ kind: 'function-changed', function: real.name });
  }

  look(): ReadonlyMap<string, Look> {
    return new Map(this.functions.filter(({ isPresent }) => isPresent).map((real) => [real.name, lookOf(real)]));
  }

  releaseDead(): void {
    // No other program of dda is here.
  }

  lookAt(name: string): Look | undefined {
    const real = this.functions.find((each) => each.name === name);
    return real?.isPresent === true ? lookOf(real) : undefined;
  }

  virtualFunctionsOf(name: string): readonly string[] {
    return this.functions.filter((each) => each.physicalFunction === name).map((each) => each.name);
  }

  isMachinery(): boolean {
    return false;
  }

  survey(): Promise<never> {
    return Promise.reject(new Error('nobody asks for a survey'));
  }

  dismount(functions: readonly string[], _options: DismountOptions): Promise<MoveReport> {
    return this.#move('dismount', functions, 'vfio');
  }

  mount(functions: readonly string[]): Promise<MoveReport> {
    for (const name of functions) {
      this.#probe.check(!this.#real(name).isDirty, () => `${name} goes home as a VM left it`);
    }
    return this.#move('mount', functions, 'home');
  }

  rehearse(): Promise<void> {
    return Promise.resolve();
  }

  forget(): void {
    this.#probe.step();
  }

  /** As the kernel's edge does it (`verifyGroup`): nobody is believed, who has it open is looked at. */
  verify(functions: readonly string[], reset: boolean): Promise<ReadonlyMap<string, Verified>> {
    return this.#act('verify', (manner) => {
      return new Map(
        functions.map((name) => [name, { finding: this.#finding(name, reset, manner), detail: undefined }]),
      );
    });
  }

  shape(): Promise<void> {
    return this.#act('shape', (manner) => {
      if (manner > 1) throw refusal('operation-stuck');
    });
  }

  #finding(name: string, reset: boolean, manner: number): Verified['finding'] {
    const real = this.#real(name);
    if (!real.isPresent) return 'gone';
    for (const _ of this.#holdersOf(real.group)) return 'held';
    if (!reset) {
      // An administrator takes it as it is.
      real.isDirty = false;
      return real.driver === 'vfio' ? 'clean' : 'unbound';
    }
    if (real.driver === 'home') return 'unbound';
    if (real.resettable === 'no') return 'no-reset';
    if (manner === 1) return 'reset-failed';
    if (manner === 2) return 'stuck';
    real.isDirty = false;
    return real.driver === 'vfio' ? 'clean' : 'unbound';
  }

  #move(what: 'dismount' | 'mount', functions: readonly string[], driver: 'home' | 'vfio'): Promise<MoveReport> {
    this.#checkFree(what, functions);
    return this.#act(what, (manner) => {
      if (manner === 1) throw refusal('driver-change-failed');
      if (manner === 2) throw refusal('driver-change-stuck');
      this.#checkFree(what, functions);
      for (const name of functions) this.#real(name).driver = driver;
      return { verb: what, moved: functions, unchanged: [], warnings: [], steps: [] };
    });
  }

  /** To take a function from VFIO's driver, nobody may have its group open: Linux would wait for that, and everything with it. */
  #checkFree(what: string, functions: readonly string[]): void {
    for (const name of functions) {
      for (const process of this.#holdersOf(this.#real(name).group)) {
        const isHeld = what === 'mount' || process.holds.has(name);
        this.#probe.check(!isHeld, () => `${what} of ${name}, whose group ${process.name} has open`);
      }
    }
  }

  *#holdersOf(group: string): Iterable<HostileVm> {
    for (const process of this.#holders()) {
      if ([...process.holds].some((name) => this.#real(name).group === group)) yield process;
    }
  }

  #act<T>(what: KernelAct['what'], end: (manner: number) => T): Promise<T> {
    this.#probe.step();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const settle = (manner: number): void => {
      try {
        resolve(end(manner));
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    this.acts.push({ what, settle });
    return promise;
  }

  #real(name: string): RealFunction {
    const real = this.functions.find((each) => each.name === name);
    return real ?? this.#probe.fail(`the host has no function ${name}`);
  }
}

function lookOf({ name, ids, group, physicalFunction, resettable, driver }: RealFunction): Look {
  const groupNode = `/dev/vfio/${group}`;
  const facts = { classCode: '010802', numaNode: undefined, groupNode, deviceNode: undefined, adoptInto: undefined };
  return { name, ids, group, physicalFunction, resettable, driver, ...facts };
}

function refusal(code: 'driver-change-failed' | 'driver-change-stuck' | 'operation-stuck'): HostError {
  return new HostError(code, { asked: 'move', obstacle: 'the kernel refused.', remedy: 'Ask again.', details: {} });
}
