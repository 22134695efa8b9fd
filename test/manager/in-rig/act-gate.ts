import type { JournalPort } from '../../../src/host/journal/journal.ts';
import type { VirtualFunctionsPort } from '../../../src/host/manager/host-port.ts';
import type { KeepRulesPort } from '../../../src/host/manager/keep-rules.ts';
import type { VmPort, VmProcess } from '../../../src/host/manager/ports.ts';
import type { Host } from '../../../src/host/moves/host-facts.ts';
import type { KernelActions, LockResult, RecordStore } from '../../../src/host/moves/ports.ts';

/** `begun`: it is under way, and nobody has heard how it ended. Only of acts that take time. */
export type Moment = 'before' | 'begun' | 'after';

/** The `at`-th act from when the gate was armed, counted from 1. */
export interface Point {
  readonly at: number;
  readonly moment: Moment;
}

export interface Act {
  readonly label: string;
  /** It takes time, so there is a moment at which it is under way. */
  readonly takesTime: boolean;
}

/** Stands between a manager and all that it can change, counts, and strikes at the chosen point. */
export class ActGate {
  #acts: Act[] = [];
  #point: Point | undefined;
  #strike: (act: Act) => void = () => undefined;

  arm(point: Point | undefined, strike: (act: Act) => void): void {
    this.#acts = [];
    this.#point = point;
    this.#strike = strike;
  }

  /** Gives the acts since it was armed. */
  disarm(): readonly Act[] {
    const acts = this.#acts;
    this.#point = undefined;
    this.#acts = [];
    return acts;
  }

  journal(journal: JournalPort): JournalPort {
    return this.#stand(journal, 'journal', ['write', 'addPool', 'removePool', 'beginAudit', 'endAudit'], []);
  }

  host(host: Host): Host {
    const records: RecordStore = this.#stand(
      host.records,
      'note',
      ['write', 'remove', 'writeStuck', 'removeStuck'],
      [],
    );
    const actions: KernelActions = this.#stand(
      host.actions,
      'kernel',
      ['claimGroupNode'],
      ['write', 'loadModule', 'nvmeAdmin', 'changeLinks'],
    );
    const lock: RecordStore['lock'] = (...args) => {
      const taken = this.#direct('note.lock', () => records.lock(...args));
      if (!taken.locked) return taken;
      return { locked: true, release: () => this.#direct('note.unlock', taken.release) } satisfies LockResult;
    };
    return {
      ...host,
      actions,
      records: new Proxy(records, {
        get: (target, property) => (property === 'lock' ? lock : Reflect.get(target, property)),
      }),
    };
  }

  rules(rules: KeepRulesPort): KeepRulesPort {
    return this.#stand(rules, 'rules', ['write'], []);
  }

  shapes(shapes: VirtualFunctionsPort): VirtualFunctionsPort {
    return this.#stand(shapes, 'virtual functions', [], ['shape']);
  }

  vms(port: VmPort): VmPort {
    return {
      start: (...args) => this.#awaited('vm.start', async () => this.#vm(await port.start(...args))),
      find: async (...args) => {
        const found = await port.find(...args);
        return found === undefined ? undefined : this.#vm(found);
      },
    };
  }

  #vm(process: VmProcess): VmProcess {
    return this.#stand(process, 'vm', ['kill'], ['lend', 'eject', 'revoke', 'stop']);
  }

  #stand<T extends object>(target: T, kind: string, direct: readonly string[], awaited: readonly string[]): T {
    return new Proxy(target, {
      get: (_, property) => {
        const value: unknown = Reflect.get(target, property);
        if (typeof value !== 'function') return value;
        const name = String(property);
        const call = (...args: unknown[]): unknown => Reflect.apply(value, target, args);
        const label = (args: readonly unknown[]): string => `${kind}.${name}${detailOf(kind, args)}`;
        if (awaited.includes(name))
          return (...args: unknown[]) => this.#awaited(label(args), async () => call(...args));
        if (direct.includes(name)) return (...args: unknown[]) => this.#direct(label(args), () => call(...args));
        return call;
      },
    });
  }

  #direct<T>(label: string, act: () => T): T {
    const reached = this.#count({ label, takesTime: false });
    reached('before');
    const result = act();
    reached('after');
    return result;
  }

  async #awaited<T>(label: string, act: () => Promise<T>): Promise<T> {
    const reached = this.#count({ label, takesTime: true });
    reached('before');
    const result = act();
    reached('begun');
    try {
      return await result;
    } finally {
      reached('after');
    }
  }

  #count(act: Act): (moment: Moment) => void {
    this.#acts.push(act);
    const point = this.#acts.length === this.#point?.at ? this.#point : undefined;
    return (moment) => {
      if (point !== undefined && point.moment === moment) this.#strike(act);
    };
  }
}

/** For those who read what was enumerated: which file of the kernel. */
function detailOf(kind: string, args: readonly unknown[]): string {
  const [path] = args;
  return kind === 'kernel' && typeof path === 'string' ? ` ${path.split('/').slice(-2).join('/')}` : '';
}
