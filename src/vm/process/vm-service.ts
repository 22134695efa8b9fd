import type { CrashReport } from '../../hyperv/index.ts';
import { closeFile, type PassedNode } from '../../linux/index.ts';
import type { EjectOutcome } from '../assignment/assignment.ts';
import { describeEnd, type MachineEnd } from '../machine-end.ts';
import { wrongDescriptors } from './manager-link.ts';
import type { VmEvent, VmOp, VmRequest, VmResult } from './protocol.ts';
import { VmProcessError } from './vm-process-error.ts';

/** One function that the guest has. */
export interface Loan {
  readonly warnings: readonly string[];
  /** As `VirtualMachine.eject`. */
  eject(deadlineMs: number): Promise<EjectOutcome>;
  /** Takes it at once; when this returns nothing of it is open. */
  revoke(): void;
}

/** What the requests act on. */
export interface ServedVm {
  /** Takes `node` over, also when it rejects. With `signal` it rejects soon, with its reason: the function isn't wanted any more. */
  lend(order: Extract<VmRequest, { op: 'lend' }>, node: PassedNode, signal: AbortSignal): Promise<Loan>;
  type(bytes: Uint8Array): void;
  stop(): void;
  readonly consoleBytes: number;
  /** How often `KVM_RUN` has returned to user space, all vCPUs. */
  readonly exits: number;
  /** What was typed and the guest has not taken yet. */
  readonly untakenBytes: number;
}

interface HeldLoan {
  readonly loan: Loan;
  ejecting: boolean;
  /** What a later manager must be told of. */
  failure: string | undefined;
}

/** A function that is about to be the guest's. */
interface Opening {
  /** Resolves when it is, or isn't. */
  readonly done: Promise<void>;
  readonly unwanted: AbortController;
}

const MAX_TEXT = 1000;
const MAX_WARNINGS = 8;
/** A guest that reads nothing is not typed to for ever. */
const MAX_UNTAKEN_BYTES = 64 * 1024;

/**
 * What a VM process does for its manager: requests in, answers and events out. It remembers what a later manager must know.
 *
 * Lending takes long where the guest's memory has to be pinned, and the guest goes on meanwhile. To a manager a function is lent or it
 * is not: what is asked of one that is being opened waits for what becomes of it, and a revoke ends that.
 */
export class VmService {
  readonly #vm: ServedVm;
  readonly #tell: (event: VmEvent) => void;
  readonly #loans = new Map<string, HeldLoan>();
  readonly #openings = new Map<string, Opening>();
  #crash: VmEvent | undefined;
  #guestOs: string | undefined;
  #end: VmEvent | undefined;

  constructor(vm: ServedVm, tell: (event: VmEvent) => void) {
    this.#vm = vm;
    this.#tell = tell;
  }

  /** Answers a request, or throws why not, at once or later. It owns `fds`. */
  answer(request: VmRequest, fds: readonly number[]): VmResult<VmOp> | Promise<VmResult<VmOp>> {
    const wanted = request.op === 'lend' && (request.node.kind === 'device' || request.node.passed) ? 1 : 0;
    if (fds.length !== wanted) throw wrongDescriptors(fds, wanted);
    switch (request.op) {
      case 'status':
        return after([...this.#openings.values()], () => this.#status());
      case 'lend':
        return this.#lend(request, fds[0]);
      case 'eject':
        return this.#settled(request.function, () => this.#eject(request.function, request.deadlineMs));
      case 'revoke':
        return this.#revoke(request.function);
      case 'type':
        this.#type(Buffer.from(request.data, 'base64'));
        return {};
      case 'stop':
        this.#vm.stop();
        return {};
      case 'console':
      case 'trace':
      case 'ping':
        return {};
    }
  }

  /** In the order in which things happened, as far as that matters. */
  recall(): readonly VmEvent[] {
    const events: VmEvent[] = [];
    if (this.#guestOs !== undefined) events.push({ event: 'guest-os', name: this.#guestOs });
    for (const [name, { failure }] of this.#loans) {
      if (failure !== undefined) events.push({ event: 'function-failed', function: name, reason: failure });
    }
    if (this.#crash !== undefined) events.push(this.#crash);
    if (this.#end !== undefined) events.push(this.#end);
    return events;
  }

  guestOs(name: string | undefined): void {
    this.#guestOs = name?.slice(0, 200);
    if (this.#guestOs !== undefined) this.#tell({ event: 'guest-os', name: this.#guestOs });
  }

  crashed(report: CrashReport): void {
    this.#crash = {
      event: 'crashed',
      vp: report.vp,
      parameters: report.parameters.map((value) => `0x${value.toString(16)}`),
      ...(report.message === undefined ? {} : { message: report.message.slice(0, 8192) }),
    };
    this.#tell(this.#crash);
  }

  /**
   * The host's kernel waits for the function, in an unplugging with the lock of all plug and play: it gets it before anybody is told,
   * and also when there is no manager to say so. A later manager sees that it is gone.
   */
  releaseRequested(name: string): void {
    const held = this.#loans.get(name);
    if (held === undefined) return;
    held.loan.revoke();
    this.#returned(name, held, 'rescinded');
    this.#tell({ event: 'release-requested', function: name });
  }

  functionFailed(name: string, reason: string): void {
    const held = this.#loans.get(name);
    if (held === undefined) return;
    held.failure = reason.slice(0, MAX_TEXT);
    this.#tell({ event: 'function-failed', function: name, reason: held.failure });
  }

  /** All functions are gone already. */
  ended(end: MachineEnd | { readonly kind: 'failed'; readonly detail: string }): void {
    this.#loans.clear();
    for (const [name, { unwanted }] of this.#openings) unwanted.abort(hasEnded(name));
    const detail = end.kind === 'failed' ? end.detail : describeEnd(end);
    this.#end = { event: 'guest-ended', how: end.kind, detail: detail.slice(0, 2000) };
    this.#tell(this.#end);
  }

  #status(): VmResult<'status'> {
    return {
      guest: this.#end === undefined ? 'running' : 'ended',
      functions: [...this.#loans.keys()],
      ...(this.#guestOs === undefined ? {} : { guestOs: this.#guestOs }),
      consoleBytes: this.#vm.consoleBytes,
      exits: this.#vm.exits,
    };
  }

  /** When it is known whether the function is lent. */
  #settled<Result>(name: string, act: () => Result): Result | Promise<Result> {
    const opening = this.#openings.get(name);
    return opening === undefined ? act() : after([opening], act);
  }

  #lend(
    order: Extract<VmRequest, { op: 'lend' }>,
    fd: number | undefined,
  ): VmResult<'lend'> | Promise<VmResult<'lend'>> {
    const name = order.function;
    const earlier = this.#openings.get(name);
    if (earlier !== undefined) return earlier.done.then(() => this.#lend(order, fd));
    const held = this.#loans.get(name);
    if (held !== undefined) {
      if (fd !== undefined) closeFile(fd);
      return { warnings: warningsOf(held.loan) };
    }
    if (this.#end !== undefined) {
      if (fd !== undefined) closeFile(fd);
      throw hasEnded(name);
    }
    const unwanted = new AbortController();
    const opened = this.#open(order, nodeOf(order, fd), unwanted.signal);
    const settled = (): void => undefined;
    this.#openings.set(name, { unwanted, done: opened.then(settled, settled) });
    return opened;
  }

  async #open(
    order: Extract<VmRequest, { op: 'lend' }>,
    node: PassedNode,
    signal: AbortSignal,
  ): Promise<VmResult<'lend'>> {
    const name = order.function;
    try {
      const loan = await this.#vm.lend(order, node, signal);
      // With the VM its loans have ended, this one too.
      if (this.#end !== undefined) throw hasEnded(name);
      this.#loans.set(name, { loan, ejecting: false, failure: undefined });
      return { warnings: warningsOf(loan) };
    } finally {
      this.#openings.delete(name);
    }
  }

  #type(bytes: Uint8Array): void {
    if (this.#vm.untakenBytes + bytes.byteLength > MAX_UNTAKEN_BYTES) {
      throw new VmProcessError(
        'vm-request-refused',
        `The guest does not read its serial port: ${this.#vm.untakenBytes} bytes that were typed wait already. Look whether it still runs.`,
      );
    }
    this.#vm.type(bytes);
  }

  #eject(name: string, deadlineMs: number): VmResult<'eject'> {
    const held = this.#loans.get(name);
    if (held === undefined) return { state: 'absent' };
    held.ejecting = true;
    held.loan.eject(deadlineMs).then(
      (outcome) => this.#returned(name, held, outcome),
      () => {
        // Whatever became of asking, the function does not stay.
        held.loan.revoke();
        this.#returned(name, held, 'failed');
      },
    );
    return { state: 'asking' };
  }

  #revoke(name: string): VmResult<'revoke'> | Promise<VmResult<'revoke'>> {
    this.#openings.get(name)?.unwanted.abort(notWanted(name));
    return this.#settled(name, () => {
      const held = this.#loans.get(name);
      if (held === undefined) return {};
      // An eject that waits for the guest ends with this.
      held.loan.revoke();
      this.#returned(name, held, 'rescinded');
      return {};
    });
  }

  #returned(name: string, held: HeldLoan, outcome: EjectOutcome | 'failed'): void {
    if (this.#loans.get(name) !== held) return;
    this.#loans.delete(name);
    if (held.ejecting) this.#tell({ event: 'ejected', function: name, outcome });
  }
}

function after<Result>(openings: readonly Opening[], act: () => Result): Result | Promise<Result> {
  return openings.length === 0 ? act() : Promise.all(openings.map(({ done }) => done)).then(act);
}

function hasEnded(name: string): VmProcessError {
  return new VmProcessError('vm-gone', `${name} can not be lent: the VM has ended.`);
}

function notWanted(name: string): VmProcessError {
  return new VmProcessError('lend-refused', `${name} was not lent: it was taken back while it was being opened.`);
}

/** What of them fits into an answer: a manager takes no longer one. */
function warningsOf({ warnings }: Loan): string[] {
  return warnings.slice(0, MAX_WARNINGS).map((warning) => warning.slice(0, MAX_TEXT));
}

function nodeOf({ node }: Extract<VmRequest, { op: 'lend' }>, fd: number | undefined): PassedNode {
  if (node.kind === 'group') return { kind: 'group', group: node.group, fd };
  if (fd === undefined) throw wrongDescriptors([], 1);
  return { kind: 'device', fd };
}
