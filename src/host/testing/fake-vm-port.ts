import { HostError } from '../errors.ts';
import type {
  LendOrder,
  LendOutcome,
  VmPort,
  VmProcess,
  VmProcessEnd,
  VmProcessEvent,
  VmProcessStatus,
  VmSpec,
} from '../manager/ports.ts';
import type { ProcessMark } from '../moves/record.ts';

/**
 * How a VM process behaves.
 *
 * - `cooperates`: guest and process do as they are told.
 * - `keeps`: the guest never lets go by itself; the process answers, and takes the function from it when told to.
 * - `silent`: the process answers nothing at all, as one under SIGSTOP.
 * - `lies`: the process says that it has let go, and keeps everything open.
 */
export type Behaviour = 'cooperates' | 'keeps' | 'silent' | 'lies';

/** The host's view of who has a VFIO group open. */
export interface HeldNodes {
  readonly heldNodes: Set<string>;
}

/** VM processes in memory. They outlive any manager, as real ones do. */
export class FakeVmPort implements VmPort {
  readonly processes = new Map<string, FakeVmProcess>();
  /** For VMs started from now on. */
  behaviour: Behaviour = 'cooperates';
  /** Set: a start fails with this. */
  startError: HostError | undefined;
  /** Of the host that they run on. */
  nodes: HeldNodes;
  #lastId = 1_000;

  constructor(nodes: HeldNodes) {
    this.nodes = nodes;
  }

  start(name: string, _: VmSpec, started: (mark: ProcessMark) => void): Promise<VmProcess> {
    if (this.startError !== undefined) return Promise.reject(this.startError);
    this.#lastId += 1;
    const process = new FakeVmProcess(
      name,
      { processId: this.#lastId, startTicks: this.#lastId },
      this.behaviour,
      this.nodes,
    );
    this.processes.set(name, process);
    void process.ended.then(() => {
      if (this.processes.get(name) === process) this.processes.delete(name);
    });
    started(process.mark);
    return Promise.resolve(process);
  }

  find(name: string, mark: ProcessMark | undefined): Promise<VmProcess | undefined> {
    const process = this.processes.get(name);
    const isOther = mark !== undefined && process?.mark.processId !== mark.processId;
    return Promise.resolve(isOther ? undefined : process);
  }
}

export class FakeVmProcess implements VmProcess {
  readonly name: string;
  readonly mark: ProcessMark;
  readonly ended: Promise<VmProcessEnd>;
  behaviour: Behaviour;
  /** SIGKILL does nothing: it is blocked in the kernel. */
  isUnkillable = false;
  /** By SIGSTOP. */
  hasStopped = false;
  /** Functions that it has open, and the node of each. */
  readonly functions = new Map<string, string>();
  readonly orders: string[] = [];
  typed = '';
  /** Set: lending fails with this. */
  lendFailure: (LendOutcome & { outcome: 'failed' }) | undefined;
  readonly #listeners = new Set<(event: VmProcessEvent) => void>();
  readonly #nodes: HeldNodes;
  readonly #end: (end: VmProcessEnd) => void;
  #hasEnded = false;
  readonly #revoked = new Map<string, () => void>();
  exits = 0;

  constructor(name: string, mark: ProcessMark, behaviour: Behaviour, nodes: HeldNodes) {
    this.name = name;
    this.mark = mark;
    this.behaviour = behaviour;
    this.#nodes = nodes;
    const { promise, resolve } = Promise.withResolvers<VmProcessEnd>();
    this.ended = promise;
    this.#end = resolve;
  }

  status(): Promise<VmProcessStatus> {
    return this.#answer(() => ({ guest: 'running', functions: [...this.functions.keys()], exits: this.exits }));
  }

  lend({ function: name, groupNode, groupIsOpen }: LendOrder): Promise<LendOutcome> {
    this.orders.push(`lend ${name}`);
    if (this.functions.has(name)) return this.#answer(() => ({ outcome: 'lent' }));
    if (this.lendFailure !== undefined) return Promise.resolve(this.lendFailure);
    if (!groupIsOpen && this.#nodes.heldNodes.has(groupNode)) {
      const error = { code: 'vfio-in-use', message: `${groupNode}: Device or resource busy` };
      return Promise.resolve({ outcome: 'failed', handedOver: false, error });
    }
    this.#nodes.heldNodes.add(groupNode);
    this.functions.set(name, groupNode);
    return this.#answer(() => ({ outcome: 'lent' }));
  }

  eject(name: string, deadlineMs: number, heard: () => void): Promise<void> {
    this.orders.push(`eject ${name} ${deadlineMs}`);
    if (this.behaviour === 'silent') return this.#unanswered();
    heard();
    if (this.behaviour === 'keeps' && this.functions.has(name)) {
      return new Promise((resolve) => this.#revoked.set(name, resolve));
    }
    return this.#answer(() => this.#letGo(name));
  }

  revoke(name: string): Promise<void> {
    this.orders.push(`revoke ${name}`);
    return this.#answer(() => {
      this.#letGo(name);
      this.#revoked.get(name)?.();
      this.#revoked.delete(name);
    });
  }

  isStopped(): boolean {
    return this.hasStopped;
  }

  stop(): Promise<void> {
    this.orders.push('stop');
    return this.#answer(() => {
      if (this.behaviour !== 'lies') this.end({ exitCode: 0, signal: undefined });
    });
  }

  kill(): void {
    this.orders.push('kill');
    if (!this.isUnkillable) this.end({ exitCode: undefined, signal: 'SIGKILL' });
  }

  type(bytes: Uint8Array): Promise<void> {
    return this.#answer(() => {
      this.typed += new TextDecoder().decode(bytes);
    });
  }

  /** Whether a trace is wanted of it. */
  tracing = false;

  followTrace(on: boolean): void {
    this.tracing = on;
  }

  listen(listener: (event: VmProcessEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What it says by itself. */
  say(event: VmProcessEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** The guest lets go by itself. */
  giveBack(name: string): void {
    this.#letGo(name);
    this.say({ kind: 'ejected', function: name, outcome: 'guest' });
  }

  /** The kernel closes all that it had open. */
  end(end: VmProcessEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const node of this.functions.values()) this.#nodes.heldNodes.delete(node);
    this.functions.clear();
    this.#end(end);
  }

  #letGo(name: string): void {
    if (this.behaviour === 'lies') return;
    const node = this.functions.get(name);
    this.functions.delete(name);
    if (node !== undefined && ![...this.functions.values()].includes(node)) this.#nodes.heldNodes.delete(node);
  }

  #answer<T>(act: () => T): Promise<T> {
    if (this.#hasEnded) return this.#unanswered();
    if (this.behaviour === 'silent') return this.#unanswered();
    return Promise.resolve(act());
  }

  /** Until it has ended. */
  #unanswered(): Promise<never> {
    const answer = this.ended.then((): never => {
      throw new HostError('vm-gone', {
        asked: `ask ${this.name}`,
        obstacle: 'its process has ended.',
        remedy: 'Start it again.',
      });
    });
    // Whoever asked may have died since.
    answer.catch(() => undefined);
    return answer;
  }
}
