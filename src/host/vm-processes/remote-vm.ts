import { constants } from 'node:os';
import {
  closeFile,
  OpenFlag,
  openFile,
  type ProcessHandle,
  readProcessStatus,
  SystemCallError,
} from '../../linux/index.ts';
import {
  decodeResult,
  MAX_TYPED_BYTES,
  type VmEvent,
  type VmOp,
  type VmRequest,
  type VmResult,
} from '../../vm/process/index.ts';
import { reportOf } from '../error-report.ts';
import { HostError } from '../errors.ts';
import type {
  LendOrder,
  LendOutcome,
  VmProcess,
  VmProcessEnd,
  VmProcessEvent,
  VmProcessStatus,
} from '../manager/ports.ts';
import type { ProcessMark } from '../moves/record.ts';
import { asPortEvent, EjectWaits } from './vm-words.ts';
import { VmLink } from './vm-link.ts';

/** Unanswered requests of one VM; with one more it counts as not answering. */
const MAX_PENDING = 256;
/** Of those, the ones that take nothing back: a process that is silent while callers ask on hears of a return all the same when it goes on. */
const MAX_OTHERS_PENDING = 64;
const takesBack: ReadonlySet<VmOp> = new Set(['eject', 'revoke', 'stop']);
/** Events that wait for the first listener. */
const MAX_KEPT_EVENTS = 256;

type Body<Op extends VmOp> = Omit<Extract<VmRequest, { op: Op }>, 'id' | 'op'>;

/** A process that ends closes its socket first: so long after that it counts as alive, and as not answering. */
const ENDING_MS = 250;

/** `State` in /proc/PID/status: by a signal, and by a debugger (proc_pid_status(5)). */
const stoppedStates: ReadonlySet<string> = new Set(['T', 't']);

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export interface RemoteVmOptions {
  readonly name: string;
  readonly socketPath: string;
  readonly mark: ProcessMark;
  readonly handle: ProcessHandle;
  readonly ended: Promise<VmProcessEnd>;
}

/** A VM process, seen from its manager. It may be silent, stopped or lying; requests then wait until it ends. */
export class RemoteVm implements VmProcess {
  readonly name: string;
  readonly mark: ProcessMark;
  readonly ended: Promise<VmProcessEnd>;
  readonly #handle: ProcessHandle;
  readonly #link: VmLink;
  readonly #pending = new Map<number, Pending>();
  readonly #ejects = new EjectWaits();
  readonly #listeners = new Set<(event: VmProcessEvent) => void>();
  /** Rejects what was lost with a connection, once. */
  #lost: ((error: Error) => void)[] = [];
  #kept: VmProcessEvent[] = [];
  #up = Promise.withResolvers<{ readonly dma: 'container' | 'iommufd' | 'none' }>();
  #lastId = 0;
  #consoleBytes = 0;
  #tracing = false;
  #over: HostError | undefined;

  constructor(options: RemoteVmOptions) {
    this.name = options.name;
    this.mark = options.mark;
    this.ended = options.ended;
    this.#handle = options.handle;
    this.#up.promise.catch(() => undefined);
    this.#link = new VmLink(options.socketPath, options.name, {
      up: ({ dma }) => {
        this.#up.resolve({ dma });
        if (this.#listeners.size > 0) this.#followConsole();
        if (this.#tracing) this.#askTrace();
      },
      down: (why) => this.#down(why),
      reply: (reply) => this.#answered(reply.reply, reply),
      event: (event) => this.#heard(event),
    });
    void options.ended.then(() => this.#finish(new HostError('vm-gone', this.#parts('its process has ended.'))));
  }

  /** Resolves when the process has said that its guest runs. Rejects once it has ended. */
  async started(): Promise<void> {
    await this.#up.promise;
  }

  async status(): Promise<VmProcessStatus> {
    const { guest, functions, guestOs, exits } = await this.#ask('status', {});
    return { guest, functions, exits, ...(guestOs === undefined ? {} : { guestOs }) };
  }

  /** Whether its event loop turns: resolves with how long the answer took, in milliseconds. */
  async ping(): Promise<number> {
    const since = performance.now();
    await this.#ask('ping', {});
    return performance.now() - since;
  }

  async lend(order: LendOrder): Promise<LendOutcome> {
    let handedOver = false;
    try {
      const { dma } = await this.#up.promise;
      const node = nodeFor(order, dma);
      const fd = node.path === undefined ? undefined : openFile(node.path, OpenFlag.readWrite);
      const body: Body<'lend'> = {
        function: order.function,
        serial: order.serial,
        ...(order.numaNode === undefined ? {} : { numaNode: order.numaNode }),
        node: node.message,
      };
      let answer: Promise<unknown>;
      try {
        answer = this.#send('lend', body, fd === undefined ? [] : [fd]);
        handedOver = fd !== undefined;
      } finally {
        // From here on nobody but the VM process has it open.
        if (fd !== undefined) closeFile(fd);
      }
      await answer;
      return { outcome: 'lent' };
    } catch (error) {
      return { outcome: 'failed', handedOver, error: reportOf(lendRefusal(this.name, order, error)) };
    }
  }

  async eject(name: string, deadlineMs: number, heard: () => void): Promise<void> {
    await this.#up.promise;
    const gone = this.#ejects.wait(name);
    // Told to whoever awaits it below; until then nobody does.
    gone.catch(() => undefined);
    const { state } = await this.#ask('eject', { function: name, deadlineMs });
    if (state === 'absent') {
      this.#ejects.done(name);
      return;
    }
    heard();
    await gone;
  }

  async revoke(name: string): Promise<void> {
    await this.#ask('revoke', { function: name });
  }

  isStopped(): boolean {
    return this.#over === undefined && stoppedStates.has(readProcessStatus(this.mark.processId)?.state ?? '');
  }

  async stop(): Promise<void> {
    await this.#ask('stop', {});
  }

  kill(): void {
    if (this.#over === undefined) this.#handle.signal(constants.signals.SIGKILL);
  }

  async type(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength; at += MAX_TYPED_BYTES) {
      const part = bytes.subarray(at, at + MAX_TYPED_BYTES);
      await this.#ask('type', { data: Buffer.from(part).toString('base64') });
    }
  }

  followTrace(on: boolean): void {
    if (this.#tracing === on) return;
    this.#tracing = on;
    this.#askTrace();
  }

  listen(listener: (event: VmProcessEvent) => void): () => void {
    this.#listeners.add(listener);
    const kept = this.#kept;
    this.#kept = [];
    for (const event of kept) listener(event);
    if (this.#listeners.size === 1) this.#followConsole();
    return () => void this.#listeners.delete(listener);
  }

  /** Leaves the process alone: a later manager finds it. Idempotent. */
  close(): void {
    this.#finish(new HostError('vm-not-answering', this.#parts('this manager has let go of it.')));
  }

  async #ask<Op extends VmOp>(op: Op, body: Body<Op>): Promise<VmResult<Op>> {
    await this.#up.promise;
    const result = decodeResult(op, await this.#send(op, body, []));
    if (result === undefined) throw this.#notAnswering('answered something that makes no sense');
    return result;
  }

  /** Sends at once, or throws. Gives the answer. */
  #send<Op extends VmOp>(op: Op, body: Body<Op>, fds: readonly number[]): Promise<unknown> {
    if (this.#over !== undefined) throw this.#over;
    if (this.#pending.size >= (takesBack.has(op) ? MAX_PENDING : MAX_OTHERS_PENDING))
      throw this.#notAnswering('has answered nothing for long');
    this.#lastId += 1;
    const id = this.#lastId;
    // The body belongs to that op, which the compiler can't see through the parameter.
    const request = { id, op, ...body } as unknown as VmRequest;
    if (!this.#link.send(request, fds)) throw this.#notAnswering('does not read what it is sent');
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  #answered(id: number, reply: { readonly ok: boolean; readonly result?: unknown; readonly error?: unknown }): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    if (reply.ok) pending.resolve(reply.result);
    else pending.reject(refusalOf(reply.error));
  }

  #heard(event: Exclude<VmEvent, { event: 'hello' }>): void {
    if (event.event === 'ejected' && this.#ejects.done(event.function)) return;
    if (event.event === 'console') {
      this.#consoleBytes = event.offset + Buffer.byteLength(event.data, 'base64');
    }
    // What was under way when it was switched off.
    if (event.event === 'trace' && !this.#tracing) return;
    const told = asPortEvent(event);
    if (this.#listeners.size > 0) {
      for (const listener of this.#listeners) listener(told);
    } else if (this.#kept.push(told) > MAX_KEPT_EVENTS) {
      this.#kept.shift();
    }
  }

  #followConsole(): void {
    // Once it is up again, it is asked anew; its answer says nothing that matters.
    this.#ask('console', { from: this.#consoleBytes }).catch(() => undefined);
  }

  #askTrace(): void {
    // As with the console: a connection that comes up is asked anew.
    this.#ask('trace', { on: this.#tracing }).catch(() => undefined);
  }

  /** What was sent over the lost connection is rejected, as soon as it is clear whether the process has ended. */
  #down(why: string): void {
    this.#up = Promise.withResolvers();
    this.#up.promise.catch(() => undefined);
    const lost = [...[...this.#pending.values()].map(({ reject }) => reject), ...this.#ejects.takeAll()];
    this.#pending.clear();
    if (lost.length === 0) return;
    this.#lost.push(...lost);
    setTimeout(() => {
      for (const reject of lost) reject(this.#notAnswering(why));
      this.#lost = this.#lost.filter((reject) => !lost.includes(reject));
    }, ENDING_MS);
  }

  #finish(error: HostError): void {
    if (this.#over !== undefined) return;
    this.#over = error;
    this.#link.close();
    this.#handle.close();
    this.#up.reject(error);
    for (const { reject } of this.#pending.values()) reject(error);
    for (const reject of [...this.#lost, ...this.#ejects.takeAll()]) reject(error);
    this.#pending.clear();
    this.#lost = [];
  }

  #notAnswering(why: string): HostError {
    return new HostError('vm-not-answering', this.#parts(`its process ${why}.`));
  }

  #parts(obstacle: string): ConstructorParameters<typeof HostError>[1] {
    return {
      asked: `ask the VM ${this.name}`,
      obstacle,
      remedy: 'If it still runs, it can be stopped by force.',
      details: { name: this.name, processId: this.mark.processId },
    };
  }
}

/** What to open for a function and to pass on; `path` undefined: the process has what it needs. */
function nodeFor(
  order: LendOrder,
  dma: 'container' | 'iommufd' | 'none',
): { readonly path: string | undefined; readonly message: Body<'lend'>['node'] } {
  if (dma === 'iommufd') {
    if (order.deviceNode !== undefined) return { path: order.deviceNode, message: { kind: 'device' } };
    throw new HostError('lend-refused', {
      asked: `lend ${order.function}`,
      obstacle: 'the VM works with iommufd, and the kernel gave the function no device node.',
      remedy: 'Load vfio_iommu_type1 and start the VM anew, or use Linux 6.6 or later.',
    });
  }
  const group = /\/(\d+)$/.exec(order.groupNode)?.[1] ?? '';
  return {
    path: order.groupIsOpen ? undefined : order.groupNode,
    message: { kind: 'group', group, passed: !order.groupIsOpen },
  };
}

function lendRefusal(vm: string, order: LendOrder, error: unknown): unknown {
  if (!(error instanceof SystemCallError)) return error;
  const held = error.code === 'EBUSY';
  return new HostError(
    held ? 'function-held' : 'lend-refused',
    {
      asked: `lend ${order.function} to ${vm}`,
      obstacle: held ? `another process has ${order.groupNode} open.` : `the kernel refused: ${error.message}.`,
      remedy: held ? 'End that process, or take the function back there.' : 'dmesg may say more.',
      details: { function: order.function, call: error.call, errno: error.code },
    },
    { cause: error },
  );
}

/** A refusal of the process: its code is its own, its words were cleaned when they were decoded. */
function refusalOf(error: unknown): Error {
  const { code, message } = error as { readonly code: string; readonly message: string };
  return Object.assign(new Error(message), { code });
}
