import { HostError } from '../../src/host/index.ts';
import type { DismountOptions, HostNews, HostPort, Look, Verified } from '../../src/host/manager/host-port.ts';
import type { MoveReport } from '../../src/host/moves/execute.ts';
import type { Probe } from '../engine/probe.ts';
import type { HostileVm } from './hostile-vms.ts';
import { cleanOrUnbound, lookOf, type RealFunction, realFunctions } from './real-functions.ts';

/** An act that the kernel is still at. It always comes to an end: 0 is the plain one. */
export interface KernelAct {
  readonly what: 'dismount' | 'mount' | 'verify' | 'shape' | 'rehearse';
  readonly settle: (manner: number) => void;
}

/** How acts may end. */
export const MANNERS = 6;
const Manner = { refused: 1, stuck: 2, undoFailed: 3, unplanned: 4, careless: 5 } as const;

/**
 * A host whose acts end when the run says so, and which knows who really has what open. It says so when it is told to do what rule 1
 * forbids: to change the driver of, or to reset, what somebody has open, and to lend it, or give it home, as somebody left it.
 */
export class HostileHost implements HostPort {
  readonly functions: readonly RealFunction[] = realFunctions();
  readonly acts: KernelAct[] = [];
  /** Groups that a VM process has passed on to another process, which is no VM's and has them open now. */
  readonly strangers = new Set<string>();
  /** Which manager it is that runs. */
  manager = 0;
  readonly #probe: Probe;
  readonly #listeners = new Set<(news: HostNews) => void>();
  /** By function: the process that really has it open. */
  readonly #holders: () => Iterable<HostileVm>;

  /** Whether the manager says of a group that nobody knows who has it: then it may try. */
  readonly #isInDoubt: (group: string) => boolean;

  constructor(probe: Probe, holders: () => Iterable<HostileVm>, isInDoubt: (group: string) => boolean) {
    this.#probe = probe;
    this.#holders = holders;
    this.#isInDoubt = isInDoubt;
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
    const real = this.functions.find((each) => each.name === name);
    if (real === undefined || this.strangers.has(real.group)) return false;
    const { group, driver, isPresent } = real;
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
    const { processId } = process.mark;
    // A manager that begins anew lends it once more to whom it was being lent.
    const isResumed = real.loan?.processId === processId && real.loan.manager < this.manager;
    this.#probe.check(!real.isDirty || isResumed, () => `${name} is lent as somebody else left it`);
    const other = process.serials.get(serial);
    this.#probe.check(
      other === undefined,
      () => `lending ${serial} to ${process.name} is that of ${other} and of ${name}`,
    );
    process.serials.set(serial, name);
    real.isDirty = true;
    real.loan = { processId, manager: this.manager };
    process.holds.add(name);
  }

  neverHad(process: HostileVm, name: string): void {
    process.holds.delete(name);
    this.#real(name).isDirty = false;
  }

  /** A process that has a function open hands the descriptor to another. Its own stays open, or not. */
  passOn(process: HostileVm): void {
    for (const name of process.holds) this.strangers.add(this.#real(name).group);
  }

  /** By somebody at the host's console, who may do so with what nobody has open. */
  bindByHand(real: RealFunction, driver: 'home' | 'none'): void {
    if (this.#isHeld(real.group)) return;
    real.driver = driver;
    if (driver === 'home') real.isDirty = false;
    this.tell({ kind: 'function-changed', function: real.name });
  }

  /** Linux waits with that until nobody has it open. What comes next into its place is as good as new. */
  unplug(real: RealFunction, isTold: boolean): void {
    if (this.#isHeld(real.group)) return this.tell({ kind: 'host-waits', function: real.name });
    real.isPresent = false;
    real.driver = 'home';
    real.isDirty = false;
    if (isTold) this.tell({ kind: 'function-left', function: real.name });
  }

  /** The host's driver gets it, unless its group is in use through VFIO. */
  plug(real: RealFunction, ids: string, isTold: boolean): void {
    real.ids = ids;
    real.isPresent = true;
    if (this.#isHeld(real.group)) real.driver = 'none';
    if (isTold) this.tell({ kind: 'function-changed', function: real.name });
  }

  /**
   * The manager's process has ended in the middle of everything. Of each act, the kernel finishes what it is at just then, or had not
   * begun with it; nothing of it comes later, as its other steps are never taken.
   */
  managerDied(finishes: () => boolean): void {
    for (const act of this.acts.splice(0)) if (finishes()) act.settle(0);
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
    return this.#act('rehearse', (manner) => {
      if (manner > 0) throw refusal('driver-change-failed');
    });
  }

  forget(): void {
    this.#probe.step();
  }

  /** As the kernel's edge does it (`verifyGroup`): nobody is believed, who has it open is looked at. */
  verify(functions: readonly string[], reset: boolean): Promise<ReadonlyMap<string, Verified>> {
    return this.#act('verify', (manner) => {
      if (manner === Manner.unplanned) throw unplanned();
      const detail = manner === 0 ? undefined : 'What the kernel said.';
      return new Map(functions.map((name) => [name, { finding: this.#finding(name, reset, manner), detail }]));
    });
  }

  shape(): Promise<void> {
    return this.#act('shape', (manner) => {
      if (manner === Manner.unplanned) throw unplanned();
      if (manner > 1) throw refusal('operation-stuck');
    });
  }

  #finding(name: string, reset: boolean, manner: number): Verified['finding'] {
    const real = this.#real(name);
    if (!real.isPresent) return 'gone';
    if (this.#isHeld(real.group)) return 'held';
    if (!reset) {
      // An administrator takes it as it is.
      real.isDirty = false;
      return cleanOrUnbound(real);
    }
    if (real.driver === 'home') return 'unbound';
    // Who doesn't look for the reset says that all is well.
    if (real.resettable === 'no') return manner === Manner.careless ? cleanOrUnbound(real) : 'no-reset';
    if (manner === Manner.refused) return 'reset-failed';
    if (manner === Manner.stuck) return 'stuck';
    real.isDirty = false;
    return cleanOrUnbound(real);
  }

  #move(what: 'dismount' | 'mount', functions: readonly string[], driver: 'home' | 'vfio'): Promise<MoveReport> {
    this.#checkFree(what, functions);
    return this.#act(what, (manner) => {
      if (manner === Manner.refused) throw refusal('driver-change-failed');
      if (manner === Manner.stuck) throw refusal('driver-change-stuck');
      if (manner === Manner.undoFailed) throw refusal('undo-failed');
      if (manner === Manner.unplanned) throw unplanned();
      if (functions.some((name) => !this.#real(name).isPresent)) throw refusal('driver-change-failed');
      this.#checkFree(what, functions);
      for (const name of functions) this.#real(name).driver = driver;
      const warnings = manner === 0 ? [] : ['What goes with it.'];
      return { verb: what, moved: functions, unchanged: [], warnings, steps: [] };
    });
  }

  /**
   * To take a function from VFIO's driver, nobody may have its group open: Linux would wait for that, and everything with it. The kernel's
   * edge looks once more before it does (`guardNode` of the step). A dismount takes none from there (`planDismount`).
   */
  #checkFree(what: 'dismount' | 'mount', functions: readonly string[]): void {
    for (const name of functions) {
      const { group, driver } = this.#real(name);
      if (what === 'dismount') {
        for (const { holds } of this.#holders()) {
          const isTaken = driver !== 'vfio' && holds.has(name);
          this.#probe.check(!isTaken, () => `${name} is dismounted once more while a VM has it open`);
        }
      } else if (this.#isHeld(group)) {
        this.#probe.check(this.#isInDoubt(group), () => `mount of ${name}, whose group is open`);
        throw refusal('function-held');
      }
    }
  }

  #isHeld(group: string): boolean {
    for (const _ of this.#holdersOf(group)) return true;
    return this.strangers.has(group);
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

/** A mistake in dda itself, or what nobody thought of. */
function unplanned(): Error {
  return Object.assign(new Error('what nobody plans for'), { code: 'EIO' });
}

type Refused = 'driver-change-failed' | 'driver-change-stuck' | 'operation-stuck' | 'undo-failed' | 'function-held';

function refusal(code: Refused): HostError {
  return new HostError(code, { asked: 'move', obstacle: 'the kernel refused.', remedy: 'Ask again.', details: {} });
}
