import { AsyncEvent } from './async-events.ts';
import { decodeCommand, type Respond, submissionEntryBytes, submissionEntryDwords } from './command.ts';
import { Completer } from './completer.ts';
import type { CommandFault, FaultPlan } from './faults.ts';
import type { GuestMemory } from './guest-memory.ts';
import {
  type Completion,
  CompletionQueue,
  type DoorbellOutcome,
  QueueSet,
  type Request,
  SubmissionQueue,
} from './queues.ts';
import type { AdminQueuePlaces } from './register-file.ts';
import { ShadowDoorbells } from './shadow-doorbells.ts';
import { NvmeStatus } from './status.ts';

/** What the queues have of the controller around them. */
export interface EnginePort {
  readonly faults: FaultPlan;
  /** Guest memory; undefined: it must be left alone for the moment. */
  memory(): GuestMemory | undefined;
  interrupt(vector: number): void;
  /** Runs work when what else waits has had its turn. */
  defer(work: () => void): void;
  /** Runs work later; the result takes it back. */
  after(ms: number, work: () => void): () => void;
  /** Carries a command out; `respond` ends it, now or later. Gives how many bytes it has moved at once. */
  execute(request: Request, memory: GuestMemory, respond: Respond): number;
  /** A command has ended badly. */
  wentWrong(request: Pick<Request, 'command' | 'queue'>, status: number): void;
  badDoorbell(queueId: number, event: AsyncEvent): void;
  /** Memory of a queue is gone: nothing goes on. */
  lost(): void;
}

/** Commands, and bytes that they move, in one go, before others have their turn; and commands of one queue, before the next queue has. */
const commandsPerTurn = 64;
const bytesPerTurn = 8 * 2 ** 20;
const commandsPerQueue = 16;
/** I/O commands under way at once, and admin commands: what is behind waits in the guest's own memory. */
const maxIoUnderWay = 64;
const maxAdminUnderWay = 64;

/**
 * Fetches commands and posts completions: doorbells in, interrupts out. Each call does bounded work, whatever the guest's queues hold.
 */
export class QueueEngine {
  readonly queues = new QueueSet();
  readonly #port: EnginePort;
  readonly #completer: Completer;
  readonly #entry = new Uint32Array(submissionEntryDwords);
  /** Queues that may have commands, in the order of their turns: the first and the last of a list. */
  #firstDue: SubmissionQueue | undefined;
  #lastDue: SubmissionQueue | undefined;
  /** Queues that wait for something other than their guest. */
  readonly #held = new Set<SubmissionQueue>();
  #shadows: ShadowDoorbells | undefined;
  /** A vector to raise when the commands in hand are through: one interrupt for all that is done at once. */
  #raised: number | undefined;
  #ioUnderWay = 0;
  /** Of {@link bytesPerTurn}. */
  #movedBytes = 0;
  #turning = false;
  #turnDeferred = false;

  constructor(port: EnginePort) {
    this.#port = port;
    this.#completer = new Completer((vector) => this.#raise(vector));
  }

  start({ submission, completion }: AdminQueuePlaces): void {
    const completions = new CompletionQueue({ id: 0, ...completion }, 0);
    this.queues.completion.set(0, completions);
    this.queues.submission.set(0, new SubmissionQueue({ id: 0, ...submission }, completions));
  }

  /** Forgets all queues; nothing that is under way completes any more. */
  stop(): void {
    this.queues.abandonAll();
    this.#firstDue = undefined;
    this.#lastDue = undefined;
    this.#held.clear();
    this.#shadows = undefined;
    this.#ioUnderWay = 0;
  }

  /** Guest memory may be reached again. */
  resume(): void {
    for (const queue of this.queues.completion.values()) this.#flush(queue);
    this.#release();
  }

  /** A write to a doorbell register; `index` counts them. */
  doorbell(index: number, value: number): void {
    const id = index >>> 1;
    const submission = index % 2 === 0 ? this.queues.submission.get(id) : undefined;
    const completion = index % 2 === 1 ? this.queues.completion.get(id) : undefined;
    const outcome = submission?.moveTail(value) ?? completion?.moveHead(value);
    if (outcome === undefined) return this.#port.badDoorbell(id, AsyncEvent.invalidDoorbellRegister);
    if (outcome === 'invalid') return this.#port.badDoorbell(id, AsyncEvent.invalidDoorbellValue);
    if (completion !== undefined) {
      this.#flush(completion);
      this.#release();
    }
    if (submission !== undefined) this.#serveSoon(submission);
  }

  /** There is news in the shadow doorbell of a submission queue. */
  ring(queueId: number): void {
    const queue = this.queues.submission.get(queueId);
    if (this.#shadows !== undefined && queue !== undefined) this.#serveSoon(queue);
  }

  /** The I/O submission queues whose doorbell registers tell nothing but that there is news. */
  get shadowedQueues(): readonly number[] {
    return this.#shadows === undefined ? [] : this.queues.ioSubmissionIds;
  }

  /** Two pages of guest memory. */
  useShadows(memory: GuestMemory, shadow: number, eventIndex: number): void {
    const shadows = new ShadowDoorbells(memory, shadow, eventIndex);
    for (const queue of this.queues.submission.values()) shadows.adopt(queue, 'submission');
    for (const queue of this.queues.completion.values()) shadows.adopt(queue, 'completion');
    this.#shadows = shadows;
  }

  /** Calls back when all that is under way of `queue` has ended; from now on nothing of it is fetched. */
  drain(queue: SubmissionQueue, done: () => void): void {
    queue.deletion = () => {
      queue.deletion = () => undefined;
      done();
    };
    for (const request of queue.underWay.values()) this.#takeBack(request, NvmeStatus.abortedByQueueDeletion);
    if (queue.underWay.size === 0) queue.deletion();
  }

  /** False: it isn't under way, or can't be taken back. */
  abort(queueId: number, commandId: number): boolean {
    const request = this.queues.submission.get(queueId)?.underWay.get(commandId);
    return request !== undefined && this.#takeBack(request, NvmeStatus.abortRequested);
  }

  #serveSoon(queue: SubmissionQueue): void {
    this.#makeDue(queue);
    this.#turn();
  }

  #makeDue(queue: SubmissionQueue): void {
    if (queue.due) return;
    queue.due = true;
    queue.nextDue = undefined;
    if (this.#lastDue === undefined) this.#firstDue = queue;
    else this.#lastDue.nextDue = queue;
    this.#lastDue = queue;
  }

  /** What held queues up may have changed. */
  #release(): void {
    if (this.#held.size === 0) return;
    for (const queue of this.#held) this.#makeDue(queue);
    this.#held.clear();
    this.#turn();
  }

  /** Fetches and starts commands: some of each queue, round robin, until there are none or enough for once. */
  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    this.#movedBytes = 0;
    let left = commandsPerTurn;
    while (left > 0 && this.#movedBytes < bytesPerTurn) {
      const queue = this.#firstDue;
      if (queue === undefined) break;
      this.#firstDue = queue.nextDue;
      if (this.#firstDue === undefined) this.#lastDue = undefined;
      queue.due = false;
      left -= this.#serve(queue, Math.min(left, commandsPerQueue));
      this.#interruptRaised();
    }
    this.#turning = false;
    if (this.#firstDue === undefined || this.#turnDeferred) return;
    this.#turnDeferred = true;
    this.#port.defer(() => {
      this.#turnDeferred = false;
      this.#turn();
    });
  }

  #raise(vector: number): void {
    // Another one is a completion of another queue, which had no room before: rare.
    if (this.#turning && (this.#raised === undefined || this.#raised === vector)) this.#raised = vector;
    else this.#port.interrupt(vector);
  }

  #interruptRaised(): void {
    const vector = this.#raised;
    this.#raised = undefined;
    if (vector !== undefined) this.#port.interrupt(vector);
  }

  /** Gives how many commands were started. */
  #serve(queue: SubmissionQueue, limit: number): number {
    for (let started = 0; started < limit; started += 1) {
      const memory = this.#port.memory();
      if (queue.deletion !== undefined) return started;
      if (memory === undefined || this.#mustWait(queue)) {
        this.#held.add(queue);
        return started;
      }
      if (queue.empty) this.#look(queue);
      if (queue.empty) return started;
      if (!memory.readDwords(queue.gpa + queue.head * submissionEntryBytes, this.#entry, submissionEntryDwords)) {
        this.#port.lost();
        return started;
      }
      queue.advance();
      this.#begin({ command: decodeCommand(this.#entry), queue, abandoned: false, cancel: undefined }, memory);
      if (this.#movedBytes < bytesPerTurn) continue;
      this.#makeDue(queue);
      return started + 1;
    }
    this.#makeDue(queue);
    return limit;
  }

  #mustWait(queue: SubmissionQueue): boolean {
    if (queue.completions.waiting.length > 0) return true;
    return queue.id === 0 ? queue.underWay.size >= maxAdminUnderWay : this.#ioUnderWay >= maxIoUnderWay;
  }

  /** What the shadow doorbell of an empty queue says now; and where that is no news, asks to be told of the next. */
  #look(queue: SubmissionQueue): void {
    const shadows = this.#shadows;
    if (shadows === undefined) return;
    const outcome = queue.id === 0 ? 'same' : this.#follow(queue, shadows);
    if (!queue.empty) return;
    shadows.arm(queue.id, 'submission', queue.tail);
    // What came just before it rang nobody.
    if (queue.id !== 0 && outcome === 'same') this.#follow(queue, shadows);
  }

  #follow(queue: SubmissionQueue, shadows: ShadowDoorbells): DoorbellOutcome {
    const tail = shadows.read(queue.id, 'submission');
    const outcome = tail === undefined ? 'same' : queue.moveTail(tail);
    if (outcome === 'invalid') this.#port.badDoorbell(queue.id, AsyncEvent.invalidDoorbellValue);
    return outcome;
  }

  #begin(request: Request, memory: GuestMemory): void {
    const { command, queue } = request;
    const { underWay } = queue;
    if (underWay.size > 0 && underWay.has(command.commandId)) {
      return this.#post({ request, status: NvmeStatus.commandIdConflict, result: 0, wrong: undefined });
    }
    if (queue.id === 0) underWay.set(command.commandId, request);
    else this.#ioUnderWay += 1;
    this.#start(request, memory);
    // Most of an I/O queue's have ended by now.
    if (queue.id !== 0 && !request.abandoned) underWay.set(command.commandId, request);
  }

  #start(request: Request, memory: GuestMemory): void {
    const { command, queue } = request;
    const fault = this.#port.faults.take(queue.id === 0 ? 'admin' : 'io', command.opcode);
    const respond: Respond = (status, result = 0) => this.#complete(request, status, result, fault);
    // Neither fused operations nor scatter-gather lists are offered.
    if (command.fused !== 0 || command.dataPointerKind !== 0) return respond(NvmeStatus.invalidField);
    switch (fault?.kind) {
      case 'error':
        return respond(fault.status);
      case 'stuck':
        request.cancel = () => undefined;
        return;
      case 'slow':
        request.cancel = this.#port.after(fault.ms, () => this.#execute(request, memory, respond));
        return;
      case 'bad-completion':
      case undefined:
        return this.#execute(request, memory, respond);
    }
  }

  #execute(request: Request, memory: GuestMemory, respond: Respond): void {
    request.cancel = undefined;
    this.#movedBytes += this.#port.execute(request, memory, respond);
  }

  #complete(request: Request, status: number, result: number, fault: CommandFault | undefined): void {
    const { command, queue } = request;
    if (request.abandoned) return;
    request.abandoned = true;
    if (queue.underWay.size > 0) queue.underWay.delete(command.commandId);
    if (queue.id !== 0) this.#ioUnderWay -= 1;
    const wrong = fault?.kind === 'bad-completion' ? fault.wrong : undefined;
    this.#post({ request, status, result, wrong });
    if (queue.underWay.size === 0) queue.deletion?.();
    this.#release();
  }

  #takeBack(request: Request, status: number): boolean {
    const { cancel } = request;
    if (cancel === undefined) return false;
    request.cancel = undefined;
    cancel();
    this.#complete(request, status, 0, undefined);
    return true;
  }

  #post(completion: Completion): void {
    const { request, status } = completion;
    if (status !== NvmeStatus.success) this.#port.wentWrong(request, status);
    const queue = request.queue.completions;
    const memory = queue.waiting.length > 0 || queue.full ? undefined : this.#port.memory();
    if (memory === undefined) {
      queue.waiting.push(completion);
      this.#flush(queue);
    } else if (!this.#completer.post(queue, completion, memory)) {
      this.#port.lost();
    }
  }

  /**
   * Puts what waits into a completion queue. When it is full: the guest's shadow may say that it has taken entries, and
   * shall tell when it takes more.
   */
  #flush(queue: CompletionQueue): void {
    const memory = this.#port.memory();
    if (memory === undefined) return;
    if (!this.#completer.flush(queue, memory)) return this.#port.lost();
    if (queue.waiting.length === 0 || this.#shadows === undefined || queue.id === 0) return;
    this.#shadows.arm(queue.id, 'completion', queue.head);
    const head = this.#shadows.read(queue.id, 'completion');
    const outcome = head === undefined ? 'same' : queue.moveHead(head);
    if (outcome === 'invalid') this.#port.badDoorbell(queue.id, AsyncEvent.invalidDoorbellValue);
    if (outcome === 'moved') this.#flush(queue);
  }
}
