import type { JournalPort } from '../journal/journal.ts';
import { kernelHost } from '../manager/kernel-host.ts';
import type { ManagerParts } from '../manager/manager-parts.ts';
import type { VmPort, VmProcess } from '../manager/ports.ts';
import type { KernelActions, RecordStore } from '../moves/ports.ts';
import type { FakeMachine } from './fake-machine.ts';

/** The manager's process was killed: thrown into what is left of it. */
class Crash extends Error {}

/** Whether it dies just before an act, or just after it and before it knows. */
export type CrashMoment = 'before' | 'after';

/**
 * Stands between a manager and everything that it can change, and counts. At the chosen act the manager is dead: from then on
 * nothing that is left of it reaches anything.
 */
export class Crashing {
  /** What was done so far, in order. */
  readonly acts: string[] = [];
  readonly #crashAt: number;
  readonly #moment: CrashMoment;
  #isDead = false;

  /** `crashAt`: from 1; 0: never. */
  constructor(crashAt: number, moment: CrashMoment) {
    this.#crashAt = crashAt;
    this.#moment = moment;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** What the manager gets instead of the machine's own. */
  parts(machine: FakeMachine, journal: JournalPort): Partial<ManagerParts> {
    const { host, clock, virtualFunctions } = machine;
    const records = this.#stand<RecordStore>(
      host.records,
      'note',
      ['write', 'remove', 'writeStuck', 'removeStuck', 'writeAutoprobe', 'removeAutoprobe', 'lock'],
      [],
    );
    const actions = this.#stand<KernelActions>(host.actions, 'kernel', ['claimGroupNode'], ['write', 'loadModule']);
    return {
      host: kernelHost({ ...host, records, actions }),
      journal: this.#stand(journal, 'journal', ['write', 'addPool', 'removePool', 'beginAudit', 'endAudit'], []),
      vms: this.#vmPort(machine.vms),
      // What is left of it can write down nothing any more, and notices.
      onFatal: () => undefined,
      virtualFunctions: this.#stand(virtualFunctions, 'sriov', [], ['shape']),
      clock: {
        nowMs: () => clock.nowMs(),
        after: (delayMs, due) =>
          clock.after(delayMs, () => {
            if (!this.#isDead) due();
          }),
      },
    };
  }

  #vmPort(port: VmPort): VmPort {
    const stand = this.#stand(port, 'vm', [], ['start']);
    return {
      start: async (...args) => this.#vmProcess(await stand.start(...args)),
      find: async (...args) => {
        const found = await port.find(...args);
        return found === undefined ? undefined : this.#vmProcess(found);
      },
    };
  }

  #vmProcess(process: VmProcess): VmProcess {
    return this.#stand(process, `vm ${process.name}`, ['kill'], ['lend', 'eject', 'revoke', 'stop']);
  }

  #stand<T extends object>(target: T, label: string, direct: readonly string[], awaited: readonly string[]): T {
    return new Proxy(target, {
      get: (_, property) => {
        const value: unknown = Reflect.get(target, property);
        if (typeof value !== 'function') return value;
        const call = (...args: unknown[]): unknown => Reflect.apply(value, target, args);
        const name = String(property);
        const isAwaited = awaited.includes(name);
        if (!isAwaited && !direct.includes(name)) return call;
        return (...args: unknown[]) => this.#act(`${label}.${name}`, isAwaited, () => call(...args));
      },
    });
  }

  #act(label: string, isAwaited: boolean, act: () => unknown): unknown {
    if (!this.#isDead) {
      this.acts.push(label);
      if (this.acts.length !== this.#crashAt) return act();
      if (this.#moment === 'after') act();
      this.#isDead = true;
    }
    if (isAwaited) return new Promise(() => undefined);
    throw new Crash(label);
  }
}
