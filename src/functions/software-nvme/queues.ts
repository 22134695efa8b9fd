import type { NvmeCommand } from './command.ts';

/** A command that was fetched and hasn't been completed. */
export interface Request {
  readonly command: NvmeCommand;
  readonly queue: SubmissionQueue;
  /** Its queue, or the controller as it was, is gone: nobody waits for its completion. */
  abandoned: boolean;
  /** Takes it back, where that can be done. */
  cancel: (() => void) | undefined;
}

/** What is to be put into a completion queue. */
export interface Completion {
  readonly request: Pick<Request, 'command' | 'queue'>;
  readonly status: number;
  readonly result: number;
  readonly wrong: 'command-id' | 'queue-id' | 'phase' | undefined;
}

/** Whether a doorbell's value made sense, and was news. */
export type DoorbellOutcome = 'moved' | 'same' | 'invalid';

export interface QueuePlace {
  readonly id: number;
  readonly gpa: number;
  /** 2 at least. */
  readonly entries: number;
}

/** A ring that the controller fills. NVM Express Base Specification 1.4, 4.1. */
export class CompletionQueue implements QueuePlace {
  readonly id: number;
  readonly gpa: number;
  readonly entries: number;
  /** Undefined: it raises no interrupts. */
  readonly vector: number | undefined;
  /** What there was no room for, in order. */
  readonly waiting: Completion[] = [];
  head = 0;
  tail = 0;
  /** What tells new entries from old ones. */
  phase: 0 | 1 = 1;

  constructor(place: QueuePlace, vector: number | undefined) {
    this.id = place.id;
    this.gpa = place.gpa;
    this.entries = place.entries;
    this.vector = vector;
  }

  get full(): boolean {
    const next = this.tail + 1;
    return (next === this.entries ? 0 : next) === this.head;
  }

  /** The guest has taken entries up to `head`. Invalid: outside the ring, or past what is there. */
  moveHead(head: number): DoorbellOutcome {
    if (head === this.head) return 'same';
    if (
      head >= this.entries ||
      distance(this.head, head, this.entries) > distance(this.head, this.tail, this.entries)
    ) {
      return 'invalid';
    }
    this.head = head;
    return 'moved';
  }

  advance(): void {
    this.tail += 1;
    if (this.tail < this.entries) return;
    this.tail = 0;
    this.phase = this.phase === 1 ? 0 : 1;
  }
}

/** A ring that the guest fills. */
export class SubmissionQueue implements QueuePlace {
  readonly id: number;
  readonly gpa: number;
  readonly entries: number;
  readonly completions: CompletionQueue;
  /** By command id. */
  readonly underWay = new Map<number, Request>();
  head = 0;
  tail = 0;
  /** It waits for its turn already; and which one does behind it. */
  due = false;
  nextDue: SubmissionQueue | undefined;
  /** Called when nothing of it is under way any more; while it is set nothing is fetched. */
  deletion: (() => void) | undefined;

  constructor(place: QueuePlace, completions: CompletionQueue) {
    this.id = place.id;
    this.gpa = place.gpa;
    this.entries = place.entries;
    this.completions = completions;
  }

  get empty(): boolean {
    return this.head === this.tail;
  }

  /** The guest has put commands up to `tail`. Invalid: outside the ring, or over commands that are not fetched yet. */
  moveTail(tail: number): DoorbellOutcome {
    if (tail === this.tail) return 'same';
    const queued = distance(this.head, this.tail, this.entries);
    if (tail >= this.entries || queued + distance(this.tail, tail, this.entries) > this.entries - 1) return 'invalid';
    this.tail = tail;
    return 'moved';
  }

  advance(): void {
    const next = this.head + 1;
    this.head = next === this.entries ? 0 : next;
  }
}

function distance(from: number, to: number, entries: number): number {
  return (to - from + entries) % entries;
}

/** The queues of an enabled controller, by their ids; 0 is the admin queue of each kind. */
export class QueueSet {
  readonly submission = new Map<number, SubmissionQueue>();
  readonly completion = new Map<number, CompletionQueue>();

  /** Whether any queue sends its completions there. */
  isUsed(completions: CompletionQueue): boolean {
    return [...this.submission.values()].some((queue) => queue.completions === completions);
  }

  /** Of the I/O queues, in the order in which they were created. */
  get ioSubmissionIds(): number[] {
    return [...this.submission.keys()].filter((id) => id !== 0);
  }

  /** Nothing that is under way completes any more. */
  abandonAll(): void {
    for (const queue of this.submission.values()) {
      for (const request of queue.underWay.values()) {
        request.abandoned = true;
        request.cancel?.();
      }
      queue.underWay.clear();
      queue.deletion = () => undefined;
    }
    this.submission.clear();
    this.completion.clear();
  }
}
