import {
  CompletionDword,
  completionEntryBytes,
  completionEntryDwords,
  completionStatus,
  completionSubmission,
} from './command.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { Completion, CompletionQueue } from './queues.ts';

const commandIdFlip = 0x5a5a;

/** Puts completions into their queues. */
export class Completer {
  readonly #interrupt: (vector: number) => void;
  readonly #entry = new Uint32Array(completionEntryDwords);

  constructor(interrupt: (vector: number) => void) {
    this.#interrupt = interrupt;
  }

  /** Posts what waits and has room now, in order. False: the queue's memory is gone. */
  flush(queue: CompletionQueue, memory: GuestMemory): boolean {
    let posted = false;
    while (!queue.full) {
      const completion = queue.waiting.shift();
      if (completion === undefined) break;
      if (!this.#put(queue, completion, memory)) return false;
      posted = true;
    }
    if (posted && queue.vector !== undefined) this.#interrupt(queue.vector);
    return true;
  }

  /** Posts one that need not wait, as {@link flush} would. */
  post(queue: CompletionQueue, completion: Completion, memory: GuestMemory): boolean {
    if (!this.#put(queue, completion, memory)) return false;
    if (queue.vector !== undefined) this.#interrupt(queue.vector);
    return true;
  }

  #put(queue: CompletionQueue, { request, status, result, wrong }: Completion, memory: GuestMemory): boolean {
    const { command, queue: submission } = request;
    const queueId = wrong === 'queue-id' ? submission.id + 1 : submission.id;
    const commandId = wrong === 'command-id' ? command.commandId ^ commandIdFlip : command.commandId;
    const phase = wrong === 'phase' ? (queue.phase === 1 ? 0 : 1) : queue.phase;
    this.#entry[CompletionDword.result] = result;
    this.#entry[CompletionDword.submission] = completionSubmission(queueId, submission.head);
    this.#entry[CompletionDword.status] = completionStatus(commandId, phase, status);
    // The last dword has the phase, by which a guest knows that the rest is there.
    if (!memory.writeDwords(queue.gpa + queue.tail * completionEntryBytes, this.#entry, completionEntryDwords)) {
      return false;
    }
    queue.advance();
    return true;
  }
}
