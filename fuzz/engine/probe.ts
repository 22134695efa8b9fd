/** Numbers of features are below: sixteen kinds of 65,536. */
export const FEATURES: number = 16 * 0x1_0000;

/** What an oracle says: something has happened that must not. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/**
 * What doubles and oracles tell the engine while an operation runs: that a rule is broken, how much work was done, and what
 * was new about it. A rule stays broken even when the product catches what {@link fail} throws.
 */
export class Probe {
  /** The first rule that was broken. */
  violation: Error | undefined;
  /** Steps of the operation that runs: accesses to memory, calls to the port. */
  work = 0;
  /** Inputs that the operation that runs handed to the product, where that is not one: packets in a ring, commands in a queue. */
  inputs = 0;
  readonly features: number[] = [];
  readonly #workLimit: number;

  constructor(workLimit: number) {
    this.#workLimit = workLimit;
  }

  fail(text: string): never {
    this.violation ??= new Violation(text);
    throw this.violation;
  }

  /** What the product threw where nobody is to catch it. */
  broke(error: Error): void {
    this.violation ??= error;
  }

  /** `text`: as a function where it is made of parts, so that it is made only when it is needed. */
  check(holds: boolean, text: string | (() => string)): void {
    if (!holds) this.fail(typeof text === 'string' ? text : text());
  }

  /** One more step; an operation that takes more of them than its target allows does unbounded work. */
  step(count = 1): void {
    this.work += count;
    if (this.work > this.#workLimit) this.fail(`one operation took more than ${this.#workLimit} steps`);
  }

  /** One more input of an operation that has several. */
  fed(count = 1): void {
    this.inputs += count;
  }

  /** `kind`: 0 to 15. An input that gets to a pair of numbers nobody got to before is worth keeping, as one that reaches new code is. */
  note(kind: number, value: number): void {
    this.features.push(kind * 0x1_0000 + (value & 0xffff));
  }
}
