import { completionEntryBytes, encodeCompletion } from './command.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { Completion, CompletionQueue } from './queues.ts';

/** The last dword of an entry has the phase, by which a guest knows that the rest is there. */
const lastDword = 12;
const commandIdFlip = 0x5a5a;

/** Puts completions into their queues. */
export class Completer {
  readonly #interrupt: (vector: number) => void;
  readonly #view = new DataView(new ArrayBuffer(completionEntryBytes));
  readonly #first = new Uint8Array(this.#view.buffer, 0, lastDword);
  readonly #last = new Uint8Array(this.#view.buffer, lastDword);

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
      queue.advance();
      posted = true;
    }
    if (posted && queue.vector !== undefined) this.#interrupt(queue.vector);
    return true;
  }

  #put(queue: CompletionQueue, { request, status, result, wrong }: Completion, memory: GuestMemory): boolean {
    const { command, queue: submission } = request;
    encodeCompletion(this.#view, {
      result,
      submissionHead: submission.head,
      submissionQueueId: wrong === 'queue-id' ? submission.id + 1 : submission.id,
      commandId: wrong === 'command-id' ? command.commandId ^ commandIdFlip : command.commandId,
      phase: wrong === 'phase' ? (queue.phase === 1 ? 0 : 1) : queue.phase,
      status,
      more: status !== 0,
    });
    const gpa = queue.gpa + queue.tail * completionEntryBytes;
    // In two copies: within one, nothing says which byte comes last.
    return memory.write(gpa, this.#first) && memory.write(gpa + lastDword, this.#last);
  }
}
