import { createInterface } from 'node:readline';
import type { FromRig, ToRig } from '../plan.ts';

export const say = (line: FromRig): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** The hands that reach the rig's slots from outside: asked for on standard output, done when standard input says so. */
export class Slot {
  readonly #waiting: ((done: ToRig) => void)[] = [];
  readonly #lines = createInterface({ input: process.stdin });

  constructor() {
    this.#lines.on('line', (line) => this.#waiting.shift()?.(JSON.parse(line) as ToRig));
  }

  /** Gives how long it took; of an unplugging: until the kernel in here had let go. One at a time. */
  async do(what: ToRig['done']): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<ToRig>();
    this.#waiting.push(resolve);
    say({ kind: what });
    return (await promise).tookMs;
  }

  close(): void {
    this.#lines.close();
    process.stdin.destroy();
  }
}
