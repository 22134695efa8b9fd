import { setImmediate as turn } from 'node:timers/promises';

/** Work without an end that is near, with a `yield` wherever something else may come in between. */
export type Steps<Result> = Generator<undefined, Result, undefined>;

/** So long at once, which is little to whoever waits for the event loop, and much beside what a turn of it costs. */
const TURN_MS = 4;

/** Does all of it now. */
export function finish<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Does it a few milliseconds at a time; the event loop goes on in between. */
export async function finishInTurns<Result>(steps: Steps<Result>): Promise<Result> {
  for (;;) {
    // Before the first, too: whoever asks for all this has been at something already.
    await turn();
    const since = performance.now();
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (performance.now() - since < TURN_MS);
  }
}
