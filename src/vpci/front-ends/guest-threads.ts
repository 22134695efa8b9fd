/** What a thread of a guest's kernel stands still for. */
export interface Wait {
  /** Names the place: two guests whose threads wait at the same places, with the same data, go on in the same way. */
  readonly label: string;
  /** Looked at whenever something has happened. */
  ready(): boolean;
  /** The thread goes on after that long at the latest; undefined: never by itself. Busy waiting is a short one, in a loop. */
  readonly timeoutMs?: number;
}

export type WaitEnd = 'ready' | 'timed-out';

/** Code of a guest that may have to wait: each `yield` is a wait, and gives how it ended. */
export type Steps<T> = Generator<Wait, T, WaitEnd>;

/** More turns, without any time passing, than honest work needs: threads that wake each other for ever are a bug. */
const MAX_TURNS = 100_000;

interface Thread {
  readonly name: string;
  readonly steps: Steps<void>;
  wait: Wait | undefined;
  deadlineMs: number | undefined;
}

/**
 * The threads of a guest's kernel: cooperative, on a clock that goes on only when it is told to. Nothing here knows real
 * time, so a guest can be run through a minute's time-out in no time, or through every order of events.
 */
export class GuestThreads {
  readonly #threads: Thread[] = [];
  #nowMs = 0;
  #running = false;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** The thread runs at once, until its first wait, unless another one is running just now. */
  spawn(name: string, steps: Steps<void>): void {
    this.#threads.push({ name, steps, wait: undefined, deadlineMs: undefined });
    this.run();
  }

  /**
   * Runs every thread that has something to go on with, in the order of their birth, until all wait. Called from within a
   * thread it does nothing: the turn goes on there. What a thread throws comes out here; the thread has ended.
   */
  run(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      let turns = 0;
      for (let thread = this.#runnable(); thread !== undefined; thread = this.#runnable()) {
        turns += 1;
        if (turns > MAX_TURNS) throw new Error(`threads never come to rest: ${this.snapshot().join(', ')}`);
        this.#resume(thread);
      }
    } finally {
      this.#running = false;
    }
  }

  /** When the next wait times out; undefined: none ever does. */
  get nextDeadlineMs(): number | undefined {
    const deadlines = this.#threads.flatMap(({ deadlineMs }) => (deadlineMs === undefined ? [] : [deadlineMs]));
    return deadlines.length === 0 ? undefined : Math.min(...deadlines);
  }

  /** Lets `durationMs` pass: everything that times out in it does, in order. */
  advance(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    for (let next = this.nextDeadlineMs; next !== undefined && next <= endMs; next = this.nextDeadlineMs) {
      this.#nowMs = Math.max(next, this.#nowMs);
      this.run();
    }
    this.#nowMs = endMs;
    this.run();
  }

  /** Where each thread waits. */
  snapshot(): readonly string[] {
    return this.#threads.map(({ name, wait }) => `${name}: ${wait?.label ?? 'running'}`);
  }

  #runnable(): Thread | undefined {
    return this.#threads.find(({ wait, deadlineMs }) => {
      return wait === undefined || wait.ready() || (deadlineMs !== undefined && deadlineMs <= this.#nowMs);
    });
  }

  #resume(thread: Thread): void {
    const end = thread.wait === undefined || thread.wait.ready() ? 'ready' : 'timed-out';
    let over = true;
    try {
      const { done, value } = thread.steps.next(end);
      if (done !== true) {
        over = false;
        thread.wait = value;
        thread.deadlineMs = value.timeoutMs === undefined ? undefined : this.#nowMs + value.timeoutMs;
      }
    } finally {
      if (over) this.#threads.splice(this.#threads.indexOf(thread), 1);
    }
  }
}

/** Only one thread at a time is between {@link acquire} and {@link release}. */
export class Mutex {
  readonly #name: string;
  #held = false;

  constructor(name: string) {
    this.#name = name;
  }

  get held(): boolean {
    return this.#held;
  }

  *acquire(): Steps<void> {
    while (this.#held) yield { label: `lock ${this.#name}`, ready: () => !this.#held };
    this.#held = true;
  }

  release(): void {
    this.#held = false;
  }
}

/** Work that is done one after another, in the order in which it was asked for, by a thread that is there while there is some. */
export class WorkQueue {
  readonly #threads: GuestThreads;
  readonly #name: string;
  readonly #work: (() => Steps<void>)[] = [];
  #busy = false;

  constructor(threads: GuestThreads, name: string) {
    this.#threads = threads;
    this.#name = name;
  }

  get idle(): boolean {
    return !this.#busy;
  }

  add(work: () => Steps<void>): void {
    this.#work.push(work);
    if (this.#busy) return;
    this.#busy = true;
    this.#threads.spawn(this.#name, this.#run());
  }

  *drained(): Steps<void> {
    while (this.#busy) yield { label: `until ${this.#name} is empty`, ready: () => !this.#busy };
  }

  *#run(): Steps<void> {
    try {
      for (let work = this.#work.shift(); work !== undefined; work = this.#work.shift()) yield* work();
    } finally {
      this.#busy = false;
    }
  }
}
