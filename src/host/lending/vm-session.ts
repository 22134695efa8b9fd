import { EventEmitter } from 'node:events';
import { hostNumaNode, PhysicalFunction, type PciFunction } from '../../functions/index.ts';
import {
  createDmaDomain,
  type DmaDomain,
  openVfioDeviceAside,
  raiseMemlock,
  SystemCallError,
  vfioBackendFor,
  VfioError,
} from '../../linux/index.ts';
import { type Assignment, type MachineEnd, type MachineOptions, VirtualMachine } from '../../vm/index.ts';
import { type Disk, functionName, isDiskName } from '../disks/disk.ts';
import { HostError } from '../errors.ts';
import type { Borrowed } from '../moves/borrow.ts';
import type { SessionEvent } from './session-events.ts';

/** How long a guest has to let go of a function when the host needs it back, unless the session says otherwise. */
export const DEFAULT_EJECT_DEADLINE_MS = 60_000;
/** Beyond guest RAM, what VFIO may have to pin and the process itself may lock. */
const MIB = 1024 * 1024;
const MEMLOCK_MARGIN_BYTES = 256 * MIB;

export interface VmSessionOptions extends MachineOptions {
  /** For what the host asks for by itself (hot-unplug). Milliseconds. */
  readonly ejectDeadlineMs?: number;
  /** What may be lent beside functions of this host. Whoever opened them closes them, after the session. */
  readonly disks?: readonly Disk[];
}

interface VmSessionEvents {
  session: [SessionEvent];
}

interface Loan {
  readonly assignment: Assignment;
  /** Set while it is on its way out; later requests wait for the same end. */
  returning?: Promise<void>;
}

/**
 * One VM and the functions of this host that it borrows: dismounted when they are lent, given back when they return, all
 * of them when the VM ends.
 */
export class VmSession extends EventEmitter<VmSessionEvents> {
  readonly machine: VirtualMachine;
  /** Resolves when the VM has ended and every function is revoked; the borrower that the session was made with gives them back. */
  readonly ended: Promise<MachineEnd>;
  readonly #borrowed: Borrowed;
  readonly #deadlineMs: number;
  readonly #disks: ReadonlyMap<string, Disk>;
  readonly #vcpus: number;
  readonly #loans = new Map<string, Loan>();
  /** Functions on their way to the guest. */
  readonly #lending = new Set<string>();
  readonly #openings = new Set<Promise<void>>();
  readonly #ended = new AbortController();
  #domain: DmaDomain | undefined;
  #serial = 0;

  /** Starts the VM. Throws as {@link VirtualMachine} does. */
  constructor(borrowed: Borrowed, options: VmSessionOptions) {
    super();
    this.#borrowed = borrowed;
    const { disks = [], ...machine } = options;
    this.#deadlineMs = options.ejectDeadlineMs ?? DEFAULT_EJECT_DEADLINE_MS;
    this.#disks = new Map(disks.flatMap((disk) => disk.functions.map((name) => [name, disk])));
    this.#vcpus = options.vcpus;
    this.machine = new VirtualMachine({ populateMemory: true, ...machine });
    this.machine.on('releaseRequested', (assignment) => this.#hostWants(assignment));
    this.machine.on('functionFailed', (assignment, reason) => this.#failed(assignment, reason));
    this.ended = this.#watchEnd();
    const stop = (): void => void this.machine.stop();
    if (borrowed.signal.aborted) {
      stop();
    } else {
      borrowed.signal.addEventListener('abort', stop);
      const forget = (): void => borrowed.signal.removeEventListener('abort', stop);
      void this.ended.then(forget, forget);
    }
  }

  /** The functions that the guest has, by address. */
  get functions(): readonly string[] {
    return [...this.#loans.keys()];
  }

  /** Lends a disk, or a function that is dismounted if need be. Gives its full name. Whatever fails, nothing is left half done. */
  async add(address: string): Promise<string> {
    const started = performance.now();
    const name = functionName(address);
    if (this.#loans.has(name) || this.#lending.has(name)) {
      throw new HostError('already-lent', {
        asked: `lend ${name}`,
        obstacle: 'This VM has it already.',
        remedy: 'Eject it first to lend it anew.',
        details: { function: name },
      });
    }
    this.#lending.add(name);
    try {
      const disk = this.#disks.get(name);
      if (disk !== undefined) this.#lend(name, disk.createFunction(name, this.#vcpus));
      else if (isDiskName(name)) throw this.#noSuchDisk(name);
      else await this.#borrowAndLend(name);
    } finally {
      this.#lending.delete(name);
    }
    this.#tell({ kind: 'lent', function: name, tookMs: performance.now() - started });
    return name;
  }

  async #borrowAndLend(name: string): Promise<void> {
    await this.#borrowed.borrow([name]);
    try {
      await this.#awaitedAtEnd(this.#openAndLend(name));
    } catch (error) {
      await this.#borrowed.giveBack([name]);
      throw lendRefusal(name, error);
    }
  }

  /** Asks the guest for a function, takes it at the deadline in any case, and gives it back to the host. */
  async eject(address: string, deadlineMs: number = this.#deadlineMs): Promise<void> {
    const started = performance.now();
    await this.#return(this.#loanOf(address, 'eject'), async (name, { assignment }) => {
      const outcome = await this.machine.eject(assignment, deadlineMs);
      this.#tell({ kind: 'ejected', function: name, outcome, tookMs: performance.now() - started });
    });
  }

  /** Takes a function without asking the guest, and gives it back to the host. */
  async rescind(address: string): Promise<void> {
    const started = performance.now();
    const [name, loan] = this.#loanOf(address, 'rescind');
    // An eject that waits for the guest ends with this, too.
    this.machine.rescind(loan.assignment);
    await this.#return([name, loan], async () => {
      this.#tell({ kind: 'rescinded', function: name, tookMs: performance.now() - started });
    });
  }

  #noSuchDisk(name: string): HostError {
    const disks = [...this.#disks.keys()];
    return new HostError('no-such-function', {
      asked: `lend ${name}`,
      obstacle: 'This VM was not started with such a disk.',
      remedy: disks.length === 0 ? 'Start it with --disk FILE.' : `It has ${disks.join(', ')}.`,
      details: { function: name, disks },
    });
  }

  async #openAndLend(name: string): Promise<void> {
    this.#domain ??= this.#createDomain(name);
    const { device, release } = await openVfioDeviceAside({
      bdf: name,
      domain: this.#domain,
      memory: this.machine.memoryToPin(),
      signal: this.#ended.signal,
    });
    try {
      const pciFunction = new PhysicalFunction(device, hostNumaNode(name));
      for (const { code, message } of pciFunction.warnings) {
        this.#tell({ kind: 'warning', function: name, code, message });
      }
      this.#lend(name, pciFunction);
    } finally {
      release();
    }
  }

  /** Until this is done, the kernel may be at work on the VM's memory and descriptors. */
  async #awaitedAtEnd(opening: Promise<void>): Promise<void> {
    this.#openings.add(opening);
    try {
      await opening;
    } finally {
      this.#openings.delete(opening);
    }
  }

  #lend(name: string, pciFunction: PciFunction): void {
    this.#serial += 1;
    this.#loans.set(name, { assignment: this.machine.lend(pciFunction, this.#serial) });
  }

  /** All of the guest's memory is locked from the first function on. */
  #createDomain(name: string): DmaDomain {
    const { memoryBytes } = this.machine.map;
    try {
      raiseMemlock(memoryBytes + MEMLOCK_MARGIN_BYTES);
    } catch (cause) {
      if (!(cause instanceof SystemCallError)) throw cause;
      throw new VfioError(
        'vfio-memlock-too-low',
        `Can't lend ${name}: all ${memoryBytes / MIB} MiB of the guest's memory must be locked for it, and this process may not lock that much. ` +
          'Run it as root, or raise the limit: ulimit -l, memlock in /etc/security/limits.conf, or LimitMEMLOCK= of the systemd unit.',
        { cause },
      );
    }
    return createDmaDomain(vfioBackendFor(name));
  }

  #loanOf(address: string, verb: string): [string, Loan] {
    const name = functionName(address);
    const loan = this.#loans.get(name);
    if (loan === undefined) {
      throw new HostError('not-lent', {
        asked: `${verb} ${name}`,
        obstacle: 'This VM does not have it.',
        remedy: this.#loans.size === 0 ? 'It has no functions at all.' : `It has ${this.functions.join(', ')}.`,
        details: { function: name, functions: this.functions },
      });
    }
    return [name, loan];
  }

  async #return([name, loan]: [string, Loan], act: (name: string, loan: Loan) => Promise<void>): Promise<void> {
    loan.returning ??= (async () => {
      await act(name, loan);
      this.#loans.delete(name);
      if (!this.#disks.has(name)) await this.#borrowed.giveBack([name]);
    })();
    await loan.returning;
  }

  #hostWants(assignment: Assignment): void {
    const name = assignment.function.name;
    this.#tell({ kind: 'release-requested', function: name });
    // Not asked for: the kernel may hold the lock of all plug and play until it has the function.
    this.#inBackground(name, () => this.rescind(name));
  }

  #failed(assignment: Assignment, reason: string): void {
    const name = assignment.function.name;
    this.#tell({ kind: 'function-failed', function: name, reason });
    this.#inBackground(name, () => this.rescind(name));
  }

  /** Nobody waits for these: what goes wrong is told as an event. */
  #inBackground(name: string, act: () => Promise<void>): void {
    if (!this.#loans.has(name)) {
      return;
    }
    act().catch((error: unknown) =>
      this.#tell({
        kind: 'warning',
        function: name,
        code: 'return-failed',
        message: error instanceof Error ? error.message : String(error),
      }),
    );
  }

  async #watchEnd(): Promise<MachineEnd> {
    try {
      return await this.machine.ended;
    } finally {
      this.#ended.abort(new Error('the VM has ended: nothing can be lent to it any more'));
      // What was open before that finds that the machine has ended, and is closed again.
      await Promise.allSettled(this.#openings);
      this.#loans.clear();
      this.#domain?.close();
    }
  }

  #tell(event: SessionEvent): void {
    this.emit('session', event);
  }
}

/** The kernel's own refusals say nothing to people. */
function lendRefusal(name: string, error: unknown): unknown {
  if (!(error instanceof SystemCallError)) return error;
  return new HostError(
    'lend-refused',
    {
      asked: `lend ${name}`,
      obstacle: `the kernel refused: ${error.message}.`,
      remedy: 'It is back where it was; dmesg may say more.',
      details: { function: name, call: error.call, errno: error.code },
    },
    { cause: error },
  );
}
