import { Session, type Profiler } from 'node:inspector';

/** One script's functions and blocks, as V8 counts them since the last look. */
export type ScriptCoverage = Profiler.ScriptCoverage;

/**
 * What code of the product runs, from V8's own block counters (Chrome DevTools Protocol, Profiler.startPreciseCoverage
 * with detailed). To be started before the product is loaded: what was compiled before has no counters.
 */
export class CodeCoverage {
  readonly #session = new Session();
  readonly #prefix: string;
  readonly #waysIn: (script: ScriptCoverage) => readonly string[];

  /**
   * `prefix`: of the URLs of scripts that count. `waysIn`: what else of a script was taken that V8 has no counter for, each by a name
   * of its own.
   */
  constructor(prefix: string, waysIn: (script: ScriptCoverage) => readonly string[] = () => []) {
    this.#prefix = prefix;
    this.#waysIn = waysIn;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** What ran since the last time. On its own thread the answer comes before the call returns. */
  take(): ScriptCoverage[] {
    let scripts: ScriptCoverage[] | undefined;
    this.#session.post('Profiler.takePreciseCoverage', (error, coverage) => {
      if (error !== null) throw error;
      scripts = coverage.result;
    });
    if (scripts === undefined) throw new Error('V8 did not answer with its coverage at once');
    return scripts.filter(({ url }) => url.startsWith(this.#prefix));
  }

  /** The blocks that ran since the last time, each by a name of its own. */
  takeBlocks(): string[] {
    const blocks: string[] = [];
    for (const script of this.take()) {
      blocks.push(...this.#waysIn(script));
      const { scriptId, functions } = script;
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          if (count > 0) blocks.push(`${scriptId}:${startOffset}:${endOffset}`);
        }
      }
    }
    return blocks;
  }

  stop(): void {
    this.#session.disconnect();
  }
}
