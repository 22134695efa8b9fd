import type { DemoEvent, DemoStep } from './demo-events.ts';

/** Tells of steps as they begin and end, with their times. */
export class Story {
  readonly #tell: (event: DemoEvent) => void;

  constructor(tell: (event: DemoEvent) => void) {
    this.#tell = tell;
  }

  /** Runs one step; what it returns first is what is told of it. */
  async step<T>(name: DemoStep, run: () => Promise<readonly [shown: readonly string[], value: T]>): Promise<T> {
    this.#tell({ event: 'step-started', name });
    const started = performance.now();
    const [shown, value] = await run();
    this.#tell({ event: 'step-ended', name, ms: Math.round(performance.now() - started), shown });
    return value;
  }
}
