import { addressValue, completionEntryBytes, type NvmeCommand, type Respond, submissionEntryBytes } from './command.ts';
import type { Features } from './features.ts';
import type { GuestMemory } from './guest-memory.ts';
import { CompletionQueue, type QueuePlace, type QueueSet, SubmissionQueue } from './queues.ts';
import { maxQueueEntries, pageBytes } from './registers.ts';
import { NvmeStatus } from './status.ts';

/** What creating and deleting I/O queues acts on. */
export interface QueueOwner {
  readonly features: Pick<Features, 'queues'>;
  readonly queues: QueueSet;
  readonly vectors: number;
  /** Whether CC says 64 and 16 bytes. */
  entrySizesFit(): boolean;
  /** Calls back when all that is under way of it has come to its end; from now on nothing of it is fetched. */
  drain(queue: SubmissionQueue, done: () => void): void;
  /** I/O queues have come or gone. */
  queuesChanged(): void;
}

const contiguous = 0x1;
const interruptsEnabled = 0x2;

/** Creating and deleting I/O queues. NVM Express Base Specification 1.4, 5.3 to 5.6. */
export class QueueCommands {
  readonly #owner: QueueOwner;

  constructor(owner: QueueOwner) {
    this.#owner = owner;
  }

  createCompletion(command: NvmeCommand, memory: GuestMemory): NvmeStatus {
    const { queues, vectors } = this.#owner;
    const place = this.#place(command, memory, queues.completion, completionEntryBytes);
    if (typeof place === 'number') return place;
    const vector = command.cdw11 >>> 16;
    if (vector >= vectors) return NvmeStatus.invalidInterruptVector;
    const raises = (command.cdw11 & interruptsEnabled) !== 0;
    queues.completion.set(place.id, new CompletionQueue(place, raises ? vector : undefined));
    this.#owner.queuesChanged();
    return NvmeStatus.success;
  }

  createSubmission(command: NvmeCommand, memory: GuestMemory): NvmeStatus {
    const { queues } = this.#owner;
    const place = this.#place(command, memory, queues.submission, submissionEntryBytes);
    if (typeof place === 'number') return place;
    const completionId = command.cdw11 >>> 16;
    if (!this.#isIoQueue(completionId)) return NvmeStatus.invalidQueueIdentifier;
    const completions = queues.completion.get(completionId);
    if (completions === undefined) return NvmeStatus.completionQueueInvalid;
    queues.submission.set(place.id, new SubmissionQueue(place, completions));
    this.#owner.queuesChanged();
    return NvmeStatus.success;
  }

  deleteCompletion({ cdw10 }: NvmeCommand): NvmeStatus {
    const { queues } = this.#owner;
    const id = cdw10 & 0xffff;
    const queue = id === 0 ? undefined : queues.completion.get(id);
    if (queue === undefined) return NvmeStatus.invalidQueueIdentifier;
    if (queues.isUsed(queue)) return NvmeStatus.invalidQueueDeletion;
    queues.completion.delete(id);
    this.#owner.queuesChanged();
    return NvmeStatus.success;
  }

  deleteSubmission({ cdw10 }: NvmeCommand, respond: Respond): void {
    const { queues } = this.#owner;
    const id = cdw10 & 0xffff;
    const queue = id === 0 ? undefined : queues.submission.get(id);
    if (queue === undefined || queue.deletion !== undefined) return respond(NvmeStatus.invalidQueueIdentifier);
    this.#owner.drain(queue, () => {
      queues.submission.delete(id);
      this.#owner.queuesChanged();
      respond(NvmeStatus.success);
    });
  }

  #isIoQueue(id: number): boolean {
    return id >= 1 && id <= this.#owner.features.queues;
  }

  #place(
    { cdw10, cdw11, prp1 }: NvmeCommand,
    memory: GuestMemory,
    taken: ReadonlyMap<number, unknown>,
    entryBytes: number,
  ): QueuePlace | NvmeStatus {
    const id = cdw10 & 0xffff;
    const entries = (cdw10 >>> 16) + 1;
    if (!this.#isIoQueue(id) || taken.has(id)) return NvmeStatus.invalidQueueIdentifier;
    if (entries < 2 || entries > maxQueueEntries || !this.#owner.entrySizesFit()) return NvmeStatus.invalidQueueSize;
    // CAP.CQR: a queue is one piece of memory.
    if ((cdw11 & contiguous) === 0) return NvmeStatus.invalidField;
    if (prp1.low % pageBytes !== 0) return NvmeStatus.invalidPrpOffset;
    const gpa = addressValue(prp1);
    if (!memory.contains(gpa, entries * entryBytes)) return NvmeStatus.dataTransferError;
    return { id, gpa, entries };
  }
}
