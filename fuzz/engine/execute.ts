import { Choices } from './choices.ts';
import type { Input } from './input.ts';
import { Probe } from './probe.ts';
import type { Target } from './target.ts';

/** How a run ended. */
export interface Outcome {
  /** Inputs fed to the product, the one that failed included: one an operation, or as many as it says. */
  readonly executions: number;
  readonly features: readonly number[];
  /** Undefined: all rules held. */
  readonly failure: Error | undefined;
}

/** Runs an input to its end or its first broken rule. */
export async function execute(target: Target, input: Input): Promise<Outcome> {
  const probe = new Probe(target.workLimit);
  let executions = 0;
  try {
    const [setup = new Uint8Array(), ...parts] = input;
    const begun = target.begin(new Choices(setup), probe);
    const run = begun instanceof Promise ? await begun : begun;
    for (const part of parts) {
      probe.work = 0;
      probe.inputs = 0;
      try {
        const waits = run.operate(new Choices(part));
        if (waits !== undefined) await waits;
      } finally {
        executions += Math.max(1, probe.inputs);
      }
      if (probe.violation !== undefined) throw probe.violation;
    }
    probe.work = 0;
    const waits = run.finish();
    if (waits !== undefined) await waits;
    if (probe.violation !== undefined) throw probe.violation;
  } catch (error) {
    const failure = probe.violation ?? (error instanceof Error ? error : new Error(`thrown: ${String(error)}`));
    return { executions, features: probe.features, failure };
  }
  return { executions, features: probe.features, failure: undefined };
}
